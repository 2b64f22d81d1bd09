"""labkeeper from Python: submit jobs, wait for them, read what came of them.

One file, the standard library only, Python 3.9 or newer. Copy it next to a notebook or a DAG:

    from labkeeper import Client

    lab = Client("http://localhost:8080")
    job = lab.submit(["python3", "/srv/lab/community.py"], config={"seed": 1}, cpus=1)
    job.wait(on_change=lambda job: print(job.percent))
    print(job.result())

A repeat with the same `id` or `key` is the same job, so a task that is tried again submits nothing twice.
What goes wrong is an exception with the sentence that labkeeper says about it.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import shutil
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple

__all__ = [
    "Client",
    "Job",
    "JobNotSucceeded",
    "LabkeeperError",
    "NotInTime",
    "Refused",
    "Unreachable",
    "stable_key",
]

Json = Dict[str, Any]

ENDED = ("succeeded", "failed", "canceled", "expired")


class LabkeeperError(Exception):
    """Everything this module raises."""


class Unreachable(LabkeeperError):
    """Nobody answered, for as long as the client is patient."""


class Refused(LabkeeperError):
    """labkeeper refused: `type` is short, such as `not_found`; `errors` names fields as `path` and `message`."""

    def __init__(self, status: int, problem: Json):
        self.status = status
        self.type = str(problem.get("type", "unknown")).rsplit(":", 1)[-1]
        self.errors: List[Json] = problem.get("errors") or []
        self.request_id = problem.get("requestId")
        detail = problem.get("detail") or f"the answer was {status}"
        fields = "; ".join(f"{one.get('path')}: {one.get('message')}" for one in self.errors)
        super().__init__(detail if not fields or fields in detail else f"{detail} ({fields})")


class JobNotSucceeded(LabkeeperError):
    """A job that was waited for ended otherwise than well; `job` is what is known of it."""

    def __init__(self, job: "Job"):
        self.job = job
        lines = job.data.get("lastLogLines") or []
        super().__init__("\n".join([job.explanation] + [f"  {line}" for line in lines]))


class NotInTime(LabkeeperError):
    """The time to wait is over. The job goes on."""


def stable_key(*parts: object) -> str:
    """The same key for the same parts, whatever is in them: for instance the id of a DAG, its run and a task."""
    text = json.dumps([str(part) for part in parts])
    return hashlib.sha256(text.encode()).hexdigest()[:40]


class Client:
    """Speaks to one labkeeper.

    url       address of the console; else LABKEEPER_CONSOLE_URL or LABKEEPER_API_URL, else http://localhost:8080
    token     bearer token; else LABKEEPER_TOKEN; none is needed on an open loopback
    timeout   seconds to wait for one answer
    patience  seconds to try again while nobody answers, as during a restart
    """

    def __init__(
        self,
        url: Optional[str] = None,
        token: Optional[str] = None,
        timeout: float = 30.0,
        patience: float = 60.0,
    ):
        known = os.environ.get("LABKEEPER_CONSOLE_URL") or os.environ.get("LABKEEPER_API_URL")
        self.url = (url or known or "http://localhost:8080").split(",")[0].rstrip("/")
        self._token = token or os.environ.get("LABKEEPER_TOKEN")
        self.timeout = timeout
        self.patience = patience
        host = urllib.parse.urlsplit(self.url).hostname
        own = [urllib.request.ProxyHandler({})] if host in ("localhost", "127.0.0.1", "::1") else []
        self._opener = urllib.request.build_opener(_StayHere, *own)

    def __repr__(self) -> str:
        return f"Client({self.url!r})"

    def submit(
        self,
        command: Optional[Sequence[str]] = None,
        *,
        image: Optional[str] = None,
        config: Optional[Json] = None,
        cpus: Optional[float] = None,
        memory_bytes: Optional[int] = None,
        gpus: Optional[int] = None,
        title: Optional[str] = None,
        tags: Optional[Dict[str, str]] = None,
        id: Optional[str] = None,
        key: Optional[str] = None,
        **more: Any,
    ) -> "Job":
        """Submits a job, and answers it as it is now.

        `more` are fields of a definition under their own names, such as `priority`, `space`, `retries`, `runDeadlineMs` or
        `environment`. Without `id` and `key` a lost answer is still asked for once more without a second job.
        Raises Refused for what is no definition, and for an id or key that another definition has.
        """
        if id is not None and key is not None:
            raise ValueError("give id or key: either makes a repeat the same job")
        limits = {**more.pop("limits", {})}
        if cpus is not None:
            limits["cpus"] = cpus
        if memory_bytes is not None:
            limits["memoryBytes"] = memory_bytes
        given = {
            "command": None if command is None else [str(word) for word in command],
            "image": image,
            "config": config,
            "limits": limits or None,
            "devices": gpus,
            "title": title,
            "tags": tags,
            **more,
        }
        body = {name: value for name, value in given.items() if value is not None}
        if id is not None:
            return Job(self, self._json("PUT", _path(id), body=body))
        headers = {"idempotency-key": key or str(uuid.uuid4())}
        return Job(self, self._json("POST", "/api/v1/jobs", body=body, headers=headers))

    def job(self, id: str) -> "Job":
        """A job by its id. Raises Refused with the type `not_found`."""
        return Job(self, self._json("GET", _path(id)))

    def jobs(self, limit: Optional[int] = None, **filters: Any) -> Iterator["Job"]:
        """Jobs from the newest on, at most `limit`. Filters: `state`, `owner`, `space`, `search`, `tag` as `key=value`."""
        before: Optional[str] = None
        left = limit
        while left is None or left > 0:
            size = 100 if left is None else min(left, 100)
            query = {**filters, "limit": size, "before": before}
            page = self._json("GET", "/api/v1/jobs", query=query)
            for data in page["items"]:
                yield Job(self, data)
            before = page["next"]
            left = None if left is None else left - len(page["items"])
            if before is None:
                return

    # What follows is for Job.

    def _json(self, method: str, path: str, **ask: Any) -> Any:
        with self._open(method, path, **ask) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def _open(
        self,
        method: str,
        path: str,
        *,
        query: Optional[Json] = None,
        body: Any = None,
        headers: Optional[Dict[str, str]] = None,
        patience: Optional[float] = None,
        timeout: Optional[float] = None,
    ) -> http.client.HTTPResponse:
        given = {name: value for name, value in (query or {}).items() if value is not None}
        tail = f"?{urllib.parse.urlencode(given, doseq=True)}" if given else ""
        request = urllib.request.Request(
            f"{self.url}{path}{tail}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"accept": "application/json", **(headers or {})},
        )
        if body is not None:
            request.add_header("content-type", "application/json")
        if self._token:
            request.add_header("authorization", f"Bearer {self._token}")
        until = time.monotonic() + (self.patience if patience is None else patience)
        pause = 0.25
        while True:
            try:
                return self._opener.open(request, timeout=timeout or self.timeout)
            except urllib.error.HTTPError as error:
                refusal = _refusal(error)
                if error.code not in (502, 503, 504) or time.monotonic() + pause > until:
                    raise refusal from None
            except (OSError, http.client.HTTPException) as error:
                if time.monotonic() + pause > until:
                    why = getattr(error, "reason", None) or error
                    raise Unreachable(f"cannot reach labkeeper at {self.url}: {why}") from error
            time.sleep(pause)
            pause = min(pause * 2, 5.0)


class Job:
    """A job as it was last looked at: `data` is what the API answered."""

    def __init__(self, client: Client, data: Json):
        self._client = client
        self.data = data

    def __repr__(self) -> str:
        return f"<job/{self.id} {self.state}>"

    @property
    def id(self) -> str:
        return self.data["id"]

    @property
    def state(self) -> str:
        """queued, preparing, running, stopping; succeeded, failed, canceled, expired."""
        return self.data["state"]

    @property
    def is_over(self) -> bool:
        return self.state in ENDED

    @property
    def explanation(self) -> str:
        """What it does, since when and why, in one sentence."""
        return self.data["explanation"]

    @property
    def progress(self) -> Json:
        """What its program last wrote into progress.json; empty before."""
        return self.data.get("progress") or {}

    @property
    def percent(self) -> Optional[float]:
        """How far it is, from 0 to 100, where its program tells."""
        value = self.progress.get("progress_pct", self.progress.get("percent"))
        step, steps = self.progress.get("step"), self.progress.get("step_total")
        if value is None and step is not None and steps:
            value = 100 * step / steps
        return None if value is None else max(0.0, min(100.0, float(value)))

    @property
    def page(self) -> str:
        """Its page for people."""
        return self._client.url + self.data["links"]["page"]

    def refresh(self) -> "Job":
        """Looks again."""
        self.data = self._client._json("GET", _path(self.id))
        return self

    def wait(
        self,
        timeout: Optional[float] = None,
        on_change: Optional[Callable[["Job"], None]] = None,
        check: bool = True,
    ) -> "Job":
        """Waits until it is over, at most `timeout` seconds; `on_change` is called each time it changed.

        A labkeeper that restarts meanwhile is waited for. Raises JobNotSucceeded for any other end than success unless
        `check` is False, NotInTime when the time is over.
        """
        for _ in self._changes(timeout):
            if on_change is not None:
                on_change(self)
            if self.is_over:
                break
        if check and self.state != "succeeded":
            raise JobNotSucceeded(self)
        return self

    def result(self, timeout: Optional[float] = None) -> Any:
        """Waits, and answers the content of its result.json; None when it left none."""
        self.wait(timeout)
        result = self.data.get("result")
        if result is None:
            return None
        if "problem" in result:
            raise LabkeeperError(f"the result of job/{self.id} could not be taken: {result['problem']}")
        return result["value"]

    def cancel(self, why: Optional[str] = None) -> "Job":
        """Asks for its end, and returns at once: `wait(check=False)` for it. Twice is fine."""
        body = {} if why is None else {"why": why}
        self.data = self._client._json("POST", f"{_path(self.id)}/cancel", body=body)
        return self

    def remove(self) -> None:
        """Removes a job that is over, with its output and files."""
        self._client._json("DELETE", _path(self.id))

    def log(self) -> str:
        """All of the output of its last attempt until now."""
        query = {"download": "true"}
        with self._client._open("GET", f"{_path(self.id)}/logs", query=query) as answer:
            return answer.read().decode("utf-8", "replace")

    def follow(self) -> Iterator[str]:
        """Its output from the beginning on, piece by piece as it comes, through further attempts, until it is over.

        After a loss it goes on where it was; where the size cap has dropped something, a line says how much.
        """
        at = ""
        while True:
            headers = {"accept": "text/event-stream"}
            if at:
                headers["last-event-id"] = at
            query = None if at else {"fromByte": 0}
            try:
                with self._client._open(
                    "GET", f"{_path(self.id)}/logs", query=query, headers=headers, timeout=60.0
                ) as stream:
                    for event, data, id in _server_sent_events(stream):
                        at = id or at
                        if event == "log":
                            yield data["text"]
                        elif event == "cut":
                            yield f"\n[… {data['leftOutBytes']} bytes left out …]\n"
                        elif event == "end":
                            self.refresh()
                            return
            except (OSError, http.client.HTTPException):
                pass  # Cut off, or silent for too long: the next round goes on behind the last piece.
            time.sleep(0.25)

    def artifacts(self) -> List[Json]:
        """The files it left: `path`, `sizeBytes`, `contentType`, `href`."""
        found: List[Json] = []
        after: Optional[str] = None
        while True:
            page = self._client._json("GET", f"{_path(self.id)}/artifacts", query={"after": after})
            found.extend(page["items"])
            after = page["next"]
            if after is None:
                return found

    def download(self, path: str, to: Optional[str] = None) -> str:
        """Downloads one of its files to the file `to`, by default its own name here; answers where it is.

        The file is whole or not there.
        """
        target = to or os.path.basename(path)
        whole = f"{target}.{uuid.uuid4().hex[:8]}.part"
        address = f"{_path(self.id)}/artifacts/{urllib.parse.quote(path)}"
        try:
            with self._client._open("GET", address, headers={"accept": "*/*"}) as answer:
                with open(whole, "wb") as file:
                    shutil.copyfileobj(answer, file)
                size = answer.headers.get("content-length")
            if size is not None and os.path.getsize(whole) != int(size):
                raise LabkeeperError(f"{path} of job/{self.id} was cut short: try again")
            os.replace(whole, target)
        finally:
            if os.path.exists(whole):
                os.remove(whole)
        return target

    def _changes(self, timeout: Optional[float]) -> Iterator["Job"]:
        """Each time it changed, beginning with now; comes back after every loss."""
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            left = None if until is None else until - time.monotonic()
            if left is not None and left <= 0:
                raise NotInTime(f"job/{self.id} is not over after {timeout:g} s: {self.explanation}")
            try:
                with self._client._open(
                    "GET",
                    f"{_path(self.id)}/events/stream",
                    headers={"accept": "text/event-stream"},
                    # The stream is never silent for longer than its heartbeat.
                    timeout=60.0 if left is None else max(min(left, 60.0), 0.05),
                    patience=left if left is not None and left < self._client.patience else None,
                ) as stream:
                    for event, data, _ in _server_sent_events(stream):
                        if event == "job-removed":
                            detail = f"job/{self.id} was removed"
                            raise Refused(404, {"type": "not_found", "detail": detail})
                        if event == "job":
                            self.data = data
                            yield self
                        if until is not None and time.monotonic() > until:
                            break
            except (OSError, http.client.HTTPException):
                pass  # Cut off, or silent for too long: the next round asks again.
            except Unreachable:
                if until is None or time.monotonic() < until:
                    raise
            time.sleep(0.1)


class _StayHere(urllib.request.HTTPRedirectHandler):
    """A token is for the address that was named, and for none that it leads to."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _server_sent_events(stream: http.client.HTTPResponse) -> Iterator[Tuple[str, Any, str]]:
    """Name, data and id of each message; comments come as a message without a name."""
    event, data, id = "", "", ""
    for raw in stream:
        line = raw.decode("utf-8").rstrip("\r\n")
        if line.startswith(":"):
            yield "", None, ""
        elif line.startswith("event:"):
            event = line[6:].strip()
        elif line.startswith("data:"):
            data += line[5:].lstrip()
        elif line.startswith("id:"):
            id = line[3:].strip()
        elif line == "":
            if data:
                yield event, json.loads(data), id
            event, data, id = "", "", ""


def _refusal(error: urllib.error.HTTPError) -> Refused:
    """What labkeeper says of a refusal, or what else answered there."""
    text = error.read(64 * 1024)
    try:
        problem = json.loads(text)
    except ValueError:
        problem = None
    if not isinstance(problem, dict):
        problem = {"detail": f"{error.code} {error.reason}: this does not look like labkeeper"}
    return Refused(error.code, problem)


def _path(id: str) -> str:
    return f"/api/v1/jobs/{urllib.parse.quote(id, safe='')}"
