//! The files that systemd and launchd want. Pure text.

use std::path::Path;

/// A user unit (systemd.service(5)). `environment_file` need not exist.
#[must_use]
pub fn systemd(program: &Path, config: Option<&Path>, environment_file: &Path) -> String {
    let mut start = format!("{} start", word(program));
    if let Some(config) = config {
        start.push_str(&format!(" --config {}", word(config)));
    }
    let variables = environment_file.display().to_string().replace('%', "%%");
    format!(
        "[Unit]\n\
         Description=llm-router: one endpoint in front of many LLM providers\n\
         After=network-online.target\n\
         \n\
         [Service]\n\
         Type=simple\n\
         ExecStart={start}\n\
         ExecReload=/bin/kill -USR1 $MAINPID\n\
         EnvironmentFile=-{variables}\n\
         Restart=on-failure\n\
         RestartSec=2\n\
         \n\
         [Install]\n\
         WantedBy=default.target\n"
    )
}

/// A word of a command line as systemd reads it: quoted, with its own marks doubled.
fn word(path: &Path) -> String {
    let text = path.display().to_string();
    let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%");
    format!("\"{}\"", text.replace('$', "$$"))
}

/// A launch agent (launchd.plist(5)).
#[must_use]
pub fn launchd(label: &str, program: &Path, config: Option<&Path>, logs: &Path) -> String {
    let mut words = vec![program.display().to_string(), "start".to_owned()];
    if let Some(config) = config {
        words.extend(["--config".to_owned(), config.display().to_string()]);
    }
    let words: String =
        words.iter().map(|word| format!("    <string>{}</string>\n", escaped(word))).collect();
    let out = escaped(&logs.join("llm-router.out.log").display().to_string());
    let err = escaped(&logs.join("llm-router.err.log").display().to_string());
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \
         \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
         <plist version=\"1.0\">\n\
         <dict>\n\
         \x20 <key>Label</key>\n\
         \x20 <string>{}</string>\n\
         \x20 <key>ProgramArguments</key>\n\
         \x20 <array>\n{words}\
         \x20 </array>\n\
         \x20 <key>RunAtLoad</key>\n\
         \x20 <true/>\n\
         \x20 <key>KeepAlive</key>\n\
         \x20 <dict>\n\
         \x20   <key>SuccessfulExit</key>\n\
         \x20   <false/>\n\
         \x20 </dict>\n\
         \x20 <key>StandardOutPath</key>\n\
         \x20 <string>{out}</string>\n\
         \x20 <key>StandardErrorPath</key>\n\
         \x20 <string>{err}</string>\n\
         </dict>\n\
         </plist>\n",
        escaped(label)
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_paths_stay_one_word() {
        let odd = Path::new("/opt/my $tools/100%/a\"b");
        let unit = systemd(odd, Some(Path::new("/home/me/c d.json")), Path::new("/home/me/e"));
        let start = unit.lines().find(|line| line.starts_with("ExecStart=")).unwrap();
        assert_eq!(
            start,
            r#"ExecStart="/opt/my $$tools/100%%/a\"b" start --config "/home/me/c d.json""#
        );
        let agent = launchd("l", Path::new("/a & b/<c>"), None, Path::new("/logs"));
        assert!(agent.contains("<string>/a &amp; b/&lt;c&gt;</string>"), "{agent}");
    }
}
