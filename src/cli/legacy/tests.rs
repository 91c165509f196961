//! Older command lines and what they mean now.

use super::*;

fn translated(line: &str) -> String {
    let arguments = std::iter::once("llm-router").chain(line.split('|')).map(OsString::from);
    match translate(arguments.collect()) {
        Ok(arguments) => {
            let texts: Vec<String> =
                arguments.iter().skip(1).map(|text| text.to_string_lossy().into_owned()).collect();
            texts.join("|")
        }
        Err(message) => message,
    }
}

#[test]
fn every_older_operation_is_a_command_of_today() {
    for (older, today) in [
        ("start|--port|1", "start|--port|1"),
        ("config", "list"),
        ("config|-h", "--help"),
        ("config|--operation=list-routing", "list"),
        (
            "config|--operation=upsert-provider|--provider-id=p|--name=P|--base-url=https://a.test/v1|--api-key=env:K|--models=a, b;c|--format=claude|--skip-probe=true",
            "add-provider|--name=P|--base-url=https://a.test/v1|--api-key=env:K|--models=a,b,c|--format=anthropic|p",
        ),
        (
            "config|--op|add-provider|--providerId|p|--openaiBaseUrl=https://a.test|--claude-base-url=https://b.test",
            "add-provider|--base-url-by-format=openai=https://a.test,anthropic=https://b.test|p",
        ),
        ("config|--operation=remove-provider|--provider-id=p", "remove-provider|p"),
        ("config|--operation=remove-model|--provider-id=p|--model=a/b", "remove-model|p/a/b"),
        (
            "config|--operation=upsert-model-alias|--alias-id=x|--strategy=automatic|--targets=p/a@2,p/b:3,p/c:70b|--clear-fallback-targets=true",
            "set-alias|--strategy=auto|--targets=p/a@2,p/b@3,p/c:70b|--clear-fallback-targets|x",
        ),
        (
            "config|--operation=set-model-alias|--alias=x|--targets=[{\"ref\":\"p/a\",\"weight\":2},{\"target\":\"p/b\"}]",
            "set-alias|--targets=p/a@2,p/b|x",
        ),
        ("config|--operation=remove-model-alias|--alias-id=x", "remove-alias|x"),
        (
            "config|--operation=set-provider-rate-limits|--provider-id=p|--bucket-name=Monthly cap|--bucket-models=all|--bucket-requests=20000|--bucket-window=month:1|--dry-run",
            "create-bucket|--name=Monthly cap|--models=all|--dry-run|p|20000/month:1",
        ),
        (
            "config|--operation=set-rate-limits|--provider-id=p|--remove-bucket=true|--bucket-id=b",
            "remove-bucket|p|b",
        ),
        (
            "config|--operation=set-model-fallbacks|--provider-id=p|--model=m|--fallback-models=q/a,q/b",
            "set-fallbacks|--fallbacks=q/a,q/b|p/m",
        ),
        (
            "config|--operation=set-model-fallback|--provider-id=p|--model=m|--clear-fallbacks",
            "set-fallbacks|--fallbacks=|p/m",
        ),
        (
            "config|--operation=set-master-key|--generate-master-key=true|--config=/x.json",
            "set-gateway-key|--config=/x.json",
        ),
        ("config|--operation=set-master-key|--master-key=env:K", "set-gateway-key|--key=env:K"),
        (
            "config|--operation=set-amp-routing|--amp-action=upsert|--amp-map-kind=agent_mode|--amp-agent=review|--amp-key=deep|--amp-ref=x|--amp-enabled=true",
            "set-amp-routing|--enabled=true|--agent-mode-map=review/deep=x",
        ),
        (
            "config|--operation=set-amp|--amp-map-kind=modes|--amp-key=smart|--remove-amp-mapping=true",
            "set-amp-routing|--mode-map=smart=",
        ),
        (
            "config|--operation=set-amp|--clear-amp-map=true|--amp-map-kind=modes",
            "set-amp-routing|--clear-maps=mode",
        ),
        ("config|--operation=set-amp|--amp-action=clear-all", "set-amp-routing|--delete"),
        ("config|--operation=set-amp|--clear-amp-routing=true", "set-amp-routing|--delete"),
        ("config|--operation=migrate-config|--create-backup=true", "migrate-config"),
        ("setup|--operation=validate|--json", "validate|--json"),
    ] {
        assert_eq!(translated(older), today, "{older}");
    }
}

#[test]
fn what_is_not_possible_is_told() {
    for (older, told) in [
        ("config|--operation=remove-providr", "did you mean `remove-provider`"),
        ("config|--operation=remove-provider", "--provider-id is missing"),
        ("config|--operation=remove-provider|--providr-id=p", "did you mean `provider-id`"),
        ("config|--operation=upsert-provider|--provider-id=p|--master-key=k", "set-gateway-key"),
        ("config|--operation=set-amp|--amp-key=a|--amp-ref=b", "--amp-map-kind is"),
        ("config|stray", "`stray` is not a flag"),
    ] {
        let message = translated(older);
        assert!(message.contains(told), "{older}: {message}");
    }
}

#[test]
fn the_table_names_commands_and_flags_that_exist() {
    for operation in OPERATIONS {
        let whole = super::super::command();
        let command = operation
            .command
            .split(' ')
            .fold(&whole, |command, word| command.find_subcommand(word).expect(operation.command));
        let known: Vec<&str> = command.get_arguments().filter_map(clap::Arg::get_long).collect();
        for (_, to) in operation.flags {
            let (To::Flag(flag)
            | To::List(flag)
            | To::Targets(flag)
            | To::Switch(flag)
            | To::Unless(flag)
            | To::Pair(flag, _)
            | To::Empty(flag)) = to
            else {
                continue;
            };
            assert!(known.contains(flag), "{}: --{flag}", operation.command);
        }
        let places = command.get_positionals().filter(|place| place.is_required_set()).count();
        assert_eq!(operation.places.len(), places, "{}", operation.command);
    }
}

#[test]
fn older_operations_that_reach_beyond_the_config_are_commands_too() {
    for (older, today) in [
        (
            "config|--operation=upsert-provider|--provider-id=p|--skip-probe=false",
            "add-provider|--probe|p",
        ),
        ("config|--operation=startup-status|--json", "startup|status|--json"),
        ("config|--operation=startup-install|--config=/x.json", "startup|install|--config=/x.json"),
        ("config|--operation=startup-uninstall|--yes=true", "startup|uninstall"),
        (
            "config|--operation=startup-install|--port=1",
            "`--port` is not possible here; set it in `server` of the config",
        ),
        (
            "config|--operation=test-provider|--provider-id=p|--models=a b",
            "test-provider|--models=a,b|p",
        ),
        ("config|--operation=discover-provider-models|--provider-id=p", "discover-models|p"),
    ] {
        assert_eq!(translated(older), today, "{older}");
    }
}
