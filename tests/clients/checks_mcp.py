"""The MCP server with the official Python SDK: one function a check, run in order.

The last one is an agent's whole way: from an empty home to a setup that works, broken and mended.
"""

import asyncio
import json
import os
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
    tools = {tool.name for tool in (await client.list_tools()).tools}
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
    await proves(client, tools, url, "one/text")

    # A slip of the pen is refused, and says what was meant.
    told = await refused(client, "set_alias", alias="team", targets=[{"model": "one/txet"}])
    assert "one/text" in told and "nothing was changed" in told, told
    told = await refused(client, "remove_provider", provider="two")
    assert told.startswith("error in_use") and "/modelAliases/team/fallbackTargets/0" in told, told
    # What is right in form can be wrong in fact: the fallback answers, then nobody does.
    await done(client, "set_provider", provider="one", base_url="http://127.0.0.1:1")
    await proves(client, tools, url, "two/text")
    broken = await done(client, "set_provider", provider="two", base_url="http://127.0.0.1:1")
    status, body, _ = post(url, "team")
    assert status >= 500 and ("one" in body or "two" in body), (status, body)
    changes = (await done(client, "history", limit=2))["changes"]
    assert changes[0]["id"] == broken["undo"] and changes[0]["by"] == "mcp", changes
    for _ in range(2):
        assert (await done(client, "undo"))["gateway"] == "taken-over"
    assert (await done(client, "get_config"))["revision"] == amp["revision"]
    assert (await done(client, "validate"))["valid"]
    await proves(client, tools, url, "one/text")


async def proves(client, tools, url, target):
    """The name answers, from this target; an agent asks test_route where it is offered."""
    status, body, answered = post(url, "team")
    assert status == 200 and "scripted text" in body and answered == target, (status, body, answered)
    if "test_route" in tools:
        routed = await done(client, "test_route", model="team", live=True)
        assert target in json.dumps(routed), routed


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
