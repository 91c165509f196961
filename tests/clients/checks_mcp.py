"""The MCP server with the official Python SDK: one function a check, run in order.

The last ones are whole ways from an empty home to a setup that works, is broken and mended: an
agent's with tools, and one with nothing but what `ai-help` says.
"""

import asyncio
import json
import os
import shlex
import subprocess
import sys
import tempfile
import traceback
import urllib.error
import urllib.request

from mcp import Client, MCPError, StdioServerParameters

BIN, PORT = os.environ["LLM_ROUTER_BIN"], os.environ["PROVIDER_PORT"]
MODES = ("legacy", "auto", "2026-07-28")
CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def server(home, *flags, mode="auto", **more):
    # Agents start servers with next to nothing in the environment: no key is there.
    parameters = StdioServerParameters(command=BIN, args=["mcp", *flags], env={"HOME": home, "PATH": "/usr/bin:/bin"})
    return Client(parameters, mode=mode, **more)


async def done(client, tool, **arguments):
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, (tool, result.content[0].text)
    assert json.loads(result.content[0].text) == result.structured_content
    return result.structured_content


async def refused(client, tool, **arguments):
    result = await client.call_tool(tool, arguments)
    assert result.is_error and result.structured_content is None, (tool, result)
    return result.content[0].text


async def raises(awaitable):
    try:
        await awaitable
    except MCPError as error:
        return error
    raise AssertionError("no error")


@check
async def every_tool_in_every_mode():
    for mode in MODES:
        home = tempfile.mkdtemp()
        async with server(home, mode=mode) as client:
            tools = (await client.list_tools()).tools
            names = [tool.name for tool in tools]
            assert "get_config" in names and "set_alias" in names, names
            assert all(tool.annotations.destructive_hint is not None for tool in tools)
            assert (await done(client, "get_config"))["exists"] is False
            # The SDK compares what comes back with the schema of the result.
            added = await done(client, "add_provider", provider="p", base_url="http://127.0.0.1:9/v1", models=["m"])
            assert added["changed"] and added["gateway"] == "not-running", added
            assert "is missing" in await refused(client, "add_provider")
            assert (await done(client, "history"))["total"] == 1
            assert (await done(client, "undo"))["changed"]


@check
async def resources_prompts_and_completions_in_every_mode():
    from mcp.types import PromptReference, ResourceTemplateReference

    for mode in MODES:
        async with server(tempfile.mkdtemp(), mode=mode) as client:
            await done(client, "add_provider", provider="p", base_url="http://127.0.0.1:9/v1", models=["m"])
            for resource in (await client.list_resources()).resources:
                read = await client.read_resource(str(resource.uri))
                assert read.contents[0].text, resource
            templates = (await client.list_resource_templates()).resource_templates
            assert [template.name for template in templates] == ["provider", "alias", "command"]
            assert '"p"' in (await client.read_resource("llm-router://providers/p")).contents[0].text
            await raises(client.read_resource("llm-router://nothing"))
            for prompt in (await client.list_prompts()).prompts:
                text = (await client.get_prompt(prompt.name)).messages[0].content.text
                assert "get_config" in text or "validate" in text, text
            found = await client.complete(PromptReference(type="ref/prompt", name="diagnose"), {"name": "model", "value": "p"})
            assert found.completion.values == ["p/m"], found
            reference = ResourceTemplateReference(type="ref/resource", uri="llm-router://providers/{id}")
            found = await client.complete(reference, {"name": "id", "value": ""})
            assert found.completion.values == ["p"], found


@check
async def many_calls_at_once():
    async with server(tempfile.mkdtemp()) as client:
        await done(client, "add_provider", provider="p", base_url="http://127.0.0.1:9/v1")
        calls = [done(client, "add_model", model=f"p/m-{n}") if n % 4 == 0 else done(client, "list") for n in range(200)]
        await asyncio.gather(*calls)
        assert (await done(client, "list", kind="model"))["total"] == 50


@check
async def reading_only():
    async with server(tempfile.mkdtemp(), "--read-only") as client:
        tools = (await client.list_tools()).tools
        assert tools and all(tool.annotations.read_only_hint for tool in tools)
        assert (await refused(client, "undo")).startswith("error read_only")


def post(url, model):
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "hello"}]}).encode()
    request = urllib.request.Request(url + "/v1/chat/completions", body, {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=20) as reply:
            return reply.status, reply.read().decode(), reply.headers["x-llm-router-target"]
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), None


@check
async def an_agent_from_an_empty_home():
    home = tempfile.mkdtemp()
    # A person starts the gateway; only that process has the keys.
    environment = {"HOME": home, "ONE_KEY": "provider-key", "TWO_KEY": "provider-key"}
    gateway = subprocess.Popen([BIN, "start", "--port", "0"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        line = ""
        while "listens on" not in line:
            line = gateway.stdout.readline()
            assert line, "the gateway does not start"
        url = "http" + line.split("http", 1)[1].split()[0]
        async with server(home) as client:
            await the_way(client, url)
    finally:
        gateway.terminate()
        gateway.wait()


async def the_way(client, url):
    assert (await done(client, "get_config"))["config"] == {}
    upstream = f"http://127.0.0.1:{PORT}"
    for name in ("one", "two"):
        told = await refused(client, "add_provider", provider=name, base_url=upstream, api_key="sk-live-0123456789abcdef")
        assert told.startswith("error literal_secret") and "0123456789" not in told, told
        added = await done(client, "add_provider", provider=name, base_url=upstream, api_key=f"env:{name.upper()}_KEY", formats=["openai", "anthropic"], models=["text"])
        assert added["gateway"] == "taken-over", added
    dry = await done(client, "set_alias", alias="team", targets=[{"model": "one/text"}], fallback_targets=[{"model": "two/text"}], dry_run=True)
    assert dry["dry_run"] and "undo" not in dry
    made = await done(client, "set_alias", alias="team", targets=[{"model": "one/text"}], fallback_targets=[{"model": "two/text"}], expected_revision=added["revision"])
    assert made["revision"] == dry["revision"] and made["gateway"] == "taken-over", made
    bucket = await done(client, "create_bucket", provider="one", limit="40/minute")
    amp = await done(client, "set_amp_routing", mode_map={"smart": "team"})
    assert bucket["gateway"] == amp["gateway"] == "taken-over"
    await proves(client, url, "one/text")

    # A slip of the pen is refused, and says what was meant.
    told = await refused(client, "set_alias", alias="team", targets=[{"model": "one/txet"}])
    assert "one/text" in told and "nothing was changed" in told, told
    told = await refused(client, "remove_provider", provider="two")
    assert told.startswith("error in_use") and "/modelAliases/team/fallbackTargets/0" in told, told
    # What is right in form can be wrong in fact: the fallback answers, then nobody does.
    await done(client, "set_provider", provider="one", base_url="http://127.0.0.1:1")
    await proves(client, url, "two/text")
    broken = await done(client, "set_provider", provider="two", base_url="http://127.0.0.1:1")
    status, body, _ = post(url, "team")
    assert status >= 500 and ("one" in body or "two" in body), (status, body)
    failed = await done(client, "test_route", model="team", live=True)
    assert not failed["live"]["ok"] and "could not be reached" in failed["live"]["error"], failed
    # What to do next is said in calls of tools.
    asked = next(call for call in failed["next"] if call.startswith("explain"))
    told = await done(client, "explain", id=asked.split()[-1])
    assert "two/text" in [tried["target"] for tried in told["attempts"]], told
    changes = (await done(client, "history", limit=2))["changes"]
    assert changes[0]["id"] == broken["undo"] and changes[0]["by"] == "mcp", changes
    for _ in range(2):
        assert (await done(client, "undo"))["gateway"] == "taken-over"
    assert (await done(client, "get_config"))["revision"] == amp["revision"]
    assert (await done(client, "validate"))["valid"]
    await proves(client, url, "one/text")


async def proves(client, url, target):
    """The name answers, from this target, to a program and to test_route; and so does Amp's mode."""
    status, body, answered = post(url, "team")
    assert status == 200 and "scripted text" in body and answered == target, (status, body, answered)
    routed = await done(client, "test_route", model="team", live=True)
    assert routed["live"]["ok"] and routed["live"]["target"] == target, routed
    # Amp's way: the mode is mapped to the same name.
    routed = await done(client, "test_route", amp_mode="smart", format="anthropic", live=True)
    assert routed["live"].get("target") == target, routed


class Person:
    """Who follows `ai-help --json` and nothing else: its next steps, its suggestions, its catalog."""

    def __init__(self, home, answers):
        self.environment = {"HOME": home, "PATH": "/usr/bin:/bin", **KEYS}
        self.answers, self.gateway, self.ran = answers, None, []

    def brief(self):
        return json.loads(subprocess.run([BIN, "ai-help", "--json"], env=self.environment, capture_output=True, text=True, check=True).stdout)

    def filled(self, command, **more):
        for word, answer in {**self.answers, **more}.items():
            command = command.replace(word, answer)
        return command

    def run(self, command, status=0):
        words = shlex.split(command)
        entry = next((entry for entry in self.brief()["commands"] if entry["name"] == words[1]), None)
        assert words[0] == "llm-router" and (entry or words[1] == "start"), command
        self.ran.append(words[1])
        if words[1] == "start":
            self.gateway = subprocess.Popen([BIN, "start", "--port", "0"], env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            while "listens on" not in (line := self.gateway.stdout.readline()):
                assert line, "the gateway does not start"
            self.url = "http" + line.split("http", 1)[1].split()[0]
            return None
        flags = {word[2:].replace("-", "_") for word in words if word.startswith("--")}
        assert flags <= set(entry["input"]["properties"]), command
        done = subprocess.run([BIN, *words[1:], "--json"], env=self.environment, capture_output=True, text=True)
        assert done.returncode == status, (command, done)
        return json.loads(done.stderr if status == 2 else done.stdout)

    def suggestion(self, command):
        return next(step["command"] for step in self.brief()["suggestions"] if command in step["command"])


KEYS = {"ONE_KEY": "provider-key", "TWO_KEY": "provider-key"}


@check
async def a_person_from_an_empty_home_with_ai_help_only():
    url = f"http://127.0.0.1:{PORT}"
    person = Person(tempfile.mkdtemp(), {"URL": url, "MODEL,MODEL": "text"})
    try:
        add = person.brief()["next"][0]["command"]
        while not (brief := person.brief())["ready"]:
            steps = [step["command"] for step in brief["next"]]
            # A list of models is not to be had from this provider: the person knows them.
            step = next(step for step in steps if "discover-models" not in step)
            person.run(person.filled(step, PROVIDER="one", NAME="ONE_KEY"))
            assert len(person.ran) < 10, person.ran
        assert person.ran == ["add-provider", "add-provider", "set-alias", "start", "test-route"], person.ran
        person.run(person.filled(add, PROVIDER="two", NAME="TWO_KEY"))
        person.run("llm-router add-provider two --models text")
        person.run(person.suggestion("--fallback-targets").replace("PROVIDER/MODEL", "two/text"))
        person.run(person.suggestion("set-default-model"))
        person.run(person.suggestion("create-bucket one").replace("COUNT/WINDOW", "40/minute"))
        assert any("set-amp-routing" in note for note in person.run("llm-router client-config amp")["notes"])
        amp = person.run("llm-router set-amp-routing --mode-map smart=chat")
        assert amp["gateway"] == "taken-over", amp
        works(person, "one/text")

        told = person.run("llm-router set-alias chat --targets one/txet", status=2)["error"]
        assert "one/text" in json.dumps(told), told
        person.run("llm-router set-provider one --base-url http://127.0.0.1:1")
        works(person, "two/text")
        person.run("llm-router set-provider two --base-url http://127.0.0.1:1")
        failed = person.run("llm-router test-route chat --live", status=1)
        assert "could not be reached" in failed["live"]["error"], failed
        explain = next(step for step in failed["next"] if " explain " in step)
        assert person.run(explain)["attempts"], explain
        for _ in range(2):
            person.run("llm-router undo")
        assert person.run("llm-router get-config")["revision"] == amp["revision"]
        works(person, "one/text")
        brief = person.brief()
        assert brief["ready"] and all(gate["open"] for gate in brief["gates"]), brief["gates"]
    finally:
        if person.gateway:
            person.gateway.terminate()
            person.gateway.wait()


def works(person, target):
    status, body, answered = post(person.url, "chat")
    assert status == 200 and "scripted text" in body and answered == target, (status, body, answered)
    for gate in person.brief()["gates"]:
        if gate["client"] in ("claude-code", "amp"):
            assert person.run(gate["test"])["live"]["target"] == target


async def main():
    failed = 0
    for function in CHECKS:
        name = "mcp, python: " + function.__name__.replace("_", " ")
        try:
            await asyncio.wait_for(function(), 60)
            print("ok    ", name, flush=True)
        except BaseException:
            failed += 1
            print("FAILED", name, flush=True)
            traceback.print_exc()
    return failed


sys.exit(asyncio.run(main()))
