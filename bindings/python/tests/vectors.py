# SPDX-License-Identifier: Apache-2.0
"""Plays the vectors of tests/vectors: vectors.py MODE:FILE=KEYSPACE...

MODE is sync (vasto) or async (vasto.aio). The steps are the same for both: what a call of vasto.aio returns is awaited,
what one of vasto returns is the result already.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import pathlib
import sys
import time
import urllib.parse
import urllib.request
from typing import Any

import vasto
import vasto.aio

DEADLINE_SECONDS = 20
WRITE_NUMBERS = ("expires_at_ns", "updated_at_ns", "value_type", "if_version")
MILLISECONDS = {"timeout_ms": "timeout", "max_staleness_ms": "max_staleness"}


class MismatchError(Exception):
    """A step gave something else than the vector says."""


async def got(result: Any) -> Any:
    """The result of a call of either form."""
    return await result if inspect.isawaitable(result) else result


def to_bytes(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode("latin-1")
    if set(value) != {"repeat", "count"}:
        raise MismatchError(f"unknown form of bytes: {sorted(value)}")
    return to_bytes(value["repeat"]) * int(value["count"])


def to_key(value: Any) -> vasto.KeyLike:
    if isinstance(value, dict) and "partition" in value:
        return vasto.Key(to_bytes(value["key"]), int(value["partition"]))
    return to_bytes(value)


def wanted(what: str, value: Any, actual: Any) -> None:
    if value != actual:
        raise MismatchError(f"{what}: wanted {short(value)}, got {short(actual)}")


def short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else text[:200] + "..."


class Vector:
    """One vector in play."""

    def __init__(self, mode: str, client: Any, keyspace_name: str) -> None:
        self.mode = mode
        self.client = client
        self.name = keyspace_name
        self.keyspace: Any = None
        self.saved: dict[str, Any] = {}
        self.sessions: dict[str, vasto.Session] = {}
        self.watches: dict[str, Any] = {}

    async def play(self, steps: list[dict[str, Any]]) -> None:
        self.keyspace = await got(self.client.keyspace(self.name))
        try:
            for number, step in enumerate(steps, 1):
                await self._play_step(number, dict(step))
        finally:
            for watch in self.watches.values():
                watch.close()

    async def _play_step(self, number: int, step: dict[str, Any]) -> None:
        name = step.pop("op")
        expect = step.pop("expect", {})
        try:
            answer = await self._answer(name, step, expect)
            if step:
                wanted("fields nobody knows", [], sorted(step))
            self._compare({"code": "OK", **expect}, answer)
        except MismatchError as error:
            raise MismatchError(f"step {number} {name}: {error}") from None

    async def _answer(self, name: str, step: dict[str, Any], expect: dict[str, Any]) -> dict[str, Any]:
        """What the step gave, with its code; takes the fields that it knows out of it."""
        method = getattr(self, f"do_{name}", None)
        if method is None:
            raise MismatchError("unknown operation")
        try:
            answer: dict[str, Any] = {"code": "OK", "in_doubt": False, **await method(step, expect)}
        except vasto.VastoError as error:
            answer = {"code": error.code.name, "in_doubt": error.in_doubt}
            if error.results:
                answer["codes"] = [result.code.name for result in error.results]
        return answer

    def _compare(self, expect: dict[str, Any], answer: dict[str, Any]) -> None:
        for name, value in expect.items():
            if name == "changes":
                continue  # compared while they came
            if name not in answer:
                raise MismatchError(f"nothing to compare {name!r} with; the code is {answer['code']}")
            if name == "has":
                wanted("has", [], [key for key in value if key not in answer["has"]])
            else:
                wanted(name, self._expected(name, value), answer[name])

    def _expected(self, name: str, value: Any) -> Any:
        if name in ("version", "updated_at_ns", "hash"):
            return self._number(value)
        if name == "value":
            return to_bytes(value)
        if name in ("results", "rows"):
            return [{k: v if k in ("code", "size") else to_bytes(v) for k, v in row.items()} for row in value]
        return value

    def _number(self, value: Any) -> int:
        if isinstance(value, str) and value.startswith("$"):
            return int(self.saved[value[1:]])
        return int(value)

    def _token(self, name: str) -> bytes:
        return self.saved[name] if name in self.saved else name.encode("latin-1")

    def _options(self, step: dict[str, Any]) -> Any:
        """The keyword arguments among the fields of a step, which are taken out of it."""
        options: dict[str, Any] = {}
        for name in WRITE_NUMBERS:
            if name in step:
                options[name] = self._number(step.pop(name))
        for name, argument in MILLISECONDS.items():
            if name in step:
                options[argument] = step.pop(name) / 1000
        for name in ("hedge", "if_absent", "limit", "keys_only", "page_bytes"):
            if name in step:
                options[name] = step.pop(name)
        if "ttl_seconds" in step:
            options["ttl"] = step.pop("ttl_seconds")
        if "acks" in step:
            options["acks"] = vasto.Acks[step.pop("acks")]
        if "replica" in step:
            options["replica"] = vasto.Replica[step.pop("replica")]
        if "session" in step:
            options["session"] = self.sessions[step.pop("session")]
        return options

    async def _write(self, step: dict[str, Any], call: Any, *arguments: Any) -> dict[str, Any]:
        save = step.pop("save_version", None)
        version = await got(call(*arguments, **self._options(step)))
        if save is not None:
            self.saved[save] = version
        return {}

    async def do_put(self, step: dict[str, Any], _: Any) -> dict[str, Any]:
        return await self._write(step, self.keyspace.put, to_key(step.pop("key")), to_bytes(step.pop("value")))

    async def do_delete(self, step: dict[str, Any], _: Any) -> dict[str, Any]:
        return await self._write(step, self.keyspace.delete, to_key(step.pop("key")))

    async def do_touch(self, step: dict[str, Any], _: Any) -> dict[str, Any]:
        return await self._write(step, self.keyspace.touch, to_key(step.pop("key")), step.pop("ttl_seconds"))

    async def do_merge(self, step: dict[str, Any], _: Any) -> dict[str, Any]:
        operation = vasto.Merge[step.pop("operation")]
        operand = to_bytes(step.pop("operand"))
        return await self._write(step, self.keyspace.merge, to_key(step.pop("key")), operation, operand)

    async def _read(self, step: dict[str, Any], call: Any) -> dict[str, Any]:
        save = step.pop("save_version", None)
        value = await got(call(to_key(step.pop("key")), **self._options(step)))
        if value is None:
            return {"code": "NOT_FOUND"}
        if save is not None:
            self.saved[save] = value.version
        answer = {
            "type": value.type,
            "version": value.version,
            "updated_at_ns": value.updated_at_ns,
            "expires": value.expires_at_ns is not None,
        }
        return {**answer, **({"value": value.data} if isinstance(value, vasto.Value) else {"size": value.size})}

    async def do_get(self, step: dict[str, Any], _: Any) -> dict[str, Any]:
        return await self._read(step, self.keyspace.get_value)

    async def do_stat(self, step: dict[str, Any], _: Any) -> dict[str, Any]:
        return await self._read(step, self.keyspace.stat)

    async def do_multi_get(self, step: dict[str, Any], _: Any) -> dict[str, Any]:
        keys = [to_key(key) for key in step.pop("keys")]
        results = await got(self.keyspace.multi_get_results(keys, **self._options(step)))
        rows = [{"code": code.name, **({} if value is None else {"value": value.data})} for code, value in results]
        return {"results": rows}

    async def do_batch(self, step: dict[str, Any], _: Any) -> dict[str, Any]:
        batch = self.keyspace.batch()
        for entry in step.pop("entries"):
            fields = dict(entry)
            name, key = fields.pop("op"), to_key(fields.pop("key"))
            if name == "put":
                batch.put(key, to_bytes(fields.pop("value")), **self._options(fields))
            elif name == "delete":
                batch.delete(key, **self._options(fields))
            elif name == "merge":
                operation = vasto.Merge[fields.pop("operation")]
                batch.merge(key, operation, to_bytes(fields.pop("operand")), **self._options(fields))
            else:
                raise MismatchError(f"unknown entry {name!r}")
            if fields:
                raise MismatchError(f"unknown fields {sorted(fields)}")
        results = await got(batch.write(**self._options(step)))
        return {"codes": [result.code.name for result in results]}

    async def do_scan(self, step: dict[str, Any], _: Any) -> dict[str, Any]:
        take, save, resume = step.pop("take", 1 << 30), step.pop("save_token", None), step.pop("resume", None)
        options = self._options(step)
        bounds = {name: to_bytes(step.pop(name)) for name in ("prefix", "start", "end") if name in step}
        if resume is not None:
            options["resume_token"] = self._token(resume)
        scan = self.keyspace.scan(**bounds, **options)
        rows = await got(scan.take(take))
        if save is not None:
            self.saved[save] = scan.resume_token()
        return {
            "rows": [
                {"key": row.key, **({"size": row.size} if row.value is None else {"value": row.value})} for row in rows
            ]
        }

    async def do_watch_open(self, step: dict[str, Any], _: Any) -> dict[str, Any]:
        name, prefix, resume = step.pop("watch"), to_bytes(step.pop("prefix", "")), step.pop("resume", None)
        token = None if resume is None else self._token(resume)
        self.watches[name] = await got(self.keyspace.watch(prefix, resume_token=token))
        return {}

    async def do_watch_next(self, step: dict[str, Any], expect: dict[str, Any]) -> dict[str, Any]:
        watch = self.watches[step.pop("watch")]
        missing: dict[bytes, list[Any]] = {}
        for change in expect["changes"]:
            value = None if change.get("deleted") else to_bytes(change["value"])
            missing.setdefault(to_bytes(change["key"]), []).append(value)
        last = {key: values[-1] for key, values in missing.items()}
        given: dict[bytes, Any] = {}
        end = time.monotonic() + DEADLINE_SECONDS
        while any(missing.values()) or any(given[key] != value for key, value in last.items()):
            if time.monotonic() > end:
                raise MismatchError(f"did not come: {short(missing)}; the last ones were {short(given)}")
            try:
                changes = await got(watch.next(timeout=1.0))
            except vasto.VastoError as error:
                if not error.retryable:
                    raise
                continue
            for change in changes:
                if change.key not in last:
                    raise MismatchError(f"not expected: {short(change)}")
                given[change.key] = change.value
                if missing[change.key][:1] == [change.value]:
                    del missing[change.key][0]
        return {}

    async def do_watch_token(self, step: dict[str, Any], _: Any) -> dict[str, Any]:
        self.saved[step.pop("save")] = self.watches[step.pop("watch")].resume_token()
        return {}

    async def do_watch_close(self, step: dict[str, Any], _: Any) -> dict[str, Any]:
        self.watches.pop(step.pop("watch")).close()
        return {}

    async def do_session(self, step: dict[str, Any], _: Any) -> dict[str, Any]:
        token = self._token(step.pop("import")) if "import" in step else None
        self.sessions[step.pop("session")] = self.keyspace.session(token)
        return {}

    async def do_session_token(self, step: dict[str, Any], _: Any) -> dict[str, Any]:
        self.saved[step.pop("save")] = self.sessions[step.pop("session")].token()
        return {}

    def _keyspace_name(self, name: str) -> str:
        return self.name if name == "@" else f"{self.name}-{name}"

    async def do_open_keyspace(self, step: dict[str, Any], _: Any) -> dict[str, Any]:
        opened = await got(self.client.keyspace(self._keyspace_name(step.pop("name"))))
        return {"name": opened.name, "shards": opened.shard_count, "replicas": opened.replica_count}

    async def do_create_keyspace(self, step: dict[str, Any], _: Any) -> dict[str, Any]:
        name = self._keyspace_name(step.pop("name"))
        options: dict[str, Any] = {field: step.pop(field) for field in ("shards", "replicas", "tags") if field in step}
        if "sync" in step:
            options["sync"] = vasto.Sync[step.pop("sync")]
        options.update(self._options(step))
        operation = await got(self.client.admin.create_keyspace(name, **options))
        await got(operation.wait(DEADLINE_SECONDS))
        return {}

    async def do_delete_keyspace(self, step: dict[str, Any], _: Any) -> dict[str, Any]:
        operation = await got(self.client.admin.delete_keyspace(self._keyspace_name(step.pop("name"))))
        await got(operation.wait(DEADLINE_SECONDS))
        return {}

    async def do_describe(self, step: dict[str, Any], _: Any) -> dict[str, Any]:
        name = self._keyspace_name(step.pop("name")) if "name" in step else None
        return {"has": await got(self.client.admin.describe(vasto.Describe[step.pop("what")], name))}

    async def do_config(self, step: dict[str, Any], _: Any) -> dict[str, Any]:
        vasto.Config()[step.pop("key")] = step.pop("set")
        return {}

    async def do_partition_hash(self, step: dict[str, Any], _: Any) -> dict[str, Any]:
        return {"hash": vasto.partition_hash(to_bytes(step.pop("data")))}

    async def do_close_client(self, _: dict[str, Any], __: Any) -> dict[str, Any]:
        await got(self.client.close())
        return {}

    async def do_control(self, step: dict[str, Any], _: Any) -> dict[str, Any]:
        action = urllib.parse.quote(step.pop("action"), safe="?&=")
        url = f"{os.environ['VASTO_TEST_CONTROL']}/{action}"
        await asyncio.to_thread(lambda: urllib.request.urlopen(url, b"", timeout=120).close())
        return {}


async def open_client(mode: str) -> Any:
    masters = os.environ["VASTO_TEST_MASTER"]
    return vasto.Client(masters) if mode == "sync" else await vasto.aio.Client(masters).open()


async def play_vector(mode: str, client: Any, keyspace: str, vector: dict[str, Any]) -> str | None:
    """Why the vector failed; None: it did not."""
    unknown = set(vector) - {"vector", "steps", "own_client"}
    if unknown:
        return f"unknown fields {sorted(unknown)}"
    own = await open_client(mode) if vector.get("own_client") else None
    try:
        await Vector(mode, own or client, keyspace).play(vector["steps"])
    except Exception as error:
        return str(error) if isinstance(error, MismatchError) else repr(error)
    finally:
        if own is not None:
            await got(own.close())
    return None


def vectors_of(file: pathlib.Path) -> list[Any]:
    return [json.loads(line) for line in file.read_text().splitlines()]


async def main(arguments: list[str]) -> None:
    for argument in arguments:
        mode_and_file, keyspace = argument.rsplit("=", 1)
        mode, path = mode_and_file.split(":", 1)
        file = pathlib.Path(path)
        if mode not in ("sync", "async"):
            sys.exit(f"{mode}: no such mode")
        client = await open_client(mode)
        try:
            for vector in vectors_of(file):
                why = await play_vector(mode, client, keyspace, vector)
                result = {"mode": mode, "file": file.stem, "vector": vector["vector"], "ok": why is None}
                print(json.dumps(result if why is None else {**result, "why": why}), flush=True)
        finally:
            await got(client.close())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
