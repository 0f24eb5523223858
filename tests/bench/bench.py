"""Prints what Lockstep takes beside what its peers take. `tests/bench/run` calls it."""

import argparse
import concurrent.futures
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOCKSTEP = ROOT / "target/release/lockstep"
OPENCTI = ROOT / "target/release/examples/opencti"
TOKEN = "00000000-0000-4000-8000-000000000001"
SHARED = pathlib.Path(os.environ.get("LOCKSTEP_SHARED", ROOT.parent / "shared")) / "catalogs"
FIXTURES = ROOT / "tests/fixtures/catalog"
SOCKET = urllib.parse.urlparse(os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")).path
MARK = f"bench-{os.getpid()}"
IMAGE = "lockstep-bench/connector"
RESERVED = {"OPENCTI_URL", "OPENCTI_TOKEN", "CONNECTOR_TYPE", "CONNECTOR_RUN_AND_TERMINATE", "OPENAEV_URL",
            "OPENAEV_TOKEN", "COLLECTOR_ID", "INJECTOR_ID", "EXECUTOR_ID"}
# A connector that ends at once when it is told to, as Python ones do.
CONNECTOR = ["/busybox", "sh", "-c", "trap 'exit 0' TERM; while :; do /busybox sleep 1000 & wait; done"]
rows = []


def row(what, ours, peer, goal=""):
    rows.append((what, ours, peer, goal))
    print(f"  {what}: {ours}{f'; {peer}' if peer else ''}", flush=True)


def ms(seconds):
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


# -- what is measured with ---------------------------------------------------------------------------------------------

def run(arguments, codes=(0,), within=600, **more):
    """Runs a program to its end; its seconds, its peak memory in MiB and its output."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        begun = time.perf_counter()
        child = subprocess.Popen([str(a) for a in arguments], stdout=out, stderr=err, stdin=subprocess.DEVNULL, **more)
        limit = threading.Timer(within, child.kill)
        limit.start()
        _, status, usage = os.wait4(child.pid, 0)
        limit.cancel()
        seconds = time.perf_counter() - begun
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0), err.seek(0)
        said, complained = out.read().decode(), err.read().decode()
    if child.returncode not in codes:
        raise SystemExit(f"{arguments}: {child.returncode}\n{said[-3000:]}{complained[-3000:]}")
    return seconds, usage.ru_maxrss / 1024, said


def median(times, arguments, codes=(0,), **more):
    """The median of so many runs, in seconds, after one that is not counted."""
    run(arguments, codes, **more)
    return statistics.median(run(arguments, codes, **more)[0] for _ in range(times))


class Engine(http.client.HTTPConnection):
    """A connection to the Docker Engine."""

    def __init__(self):
        super().__init__("docker")

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(SOCKET)

    def ask(self, method, path, body=None, codes=(200, 201, 204, 304)):
        self.request(method, path, json.dumps(body) if body is not None else None, {"Content-Type": "application/json"})
        answer = self.getresponse()
        content = answer.read()
        if answer.status not in codes:
            raise SystemExit(f"{method} {path}: {answer.status} {content.decode()}")
        return json.loads(content) if content else None


def filters(**wanted):
    return urllib.parse.quote(json.dumps(wanted))


def listing(label):
    return Engine().ask("GET", f"/containers/json?all=1&filters={filters(label=[label])}")


class Starts:
    """Every start of a container with a label, with its time."""

    def __init__(self, label):
        self.seen, self.news = [], threading.Condition()
        self.connection = Engine()
        wanted = filters(type=["container"], event=["start"], label=[label])
        self.connection.request("GET", f"/events?filters={wanted}")
        self.answer = self.connection.getresponse()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
            while line := self.answer.readline():
                event = json.loads(line)
                with self.news:
                    self.seen.append((time.perf_counter(), event["Actor"]["Attributes"]))
                    self.news.notify_all()

    def after(self, moment, matches, within=60):
        """The time of the first start after a moment that matches."""
        def found():
            return next((at for at, attributes in self.seen if at > moment and matches(attributes)), None)
        with self.news:
            if not self.news.wait_for(found, within):
                raise SystemExit(f"nothing started within {within} s")
            return found()


def compose_up(command, codes=(0,)):
    """The seconds of `docker-compose up`; none where it does not come to an end, which happens with many services."""
    environment = os.environ | {"COMPOSE_PARALLEL_LIMIT": "8", "COMPOSE_HTTP_TIMEOUT": "60"}
    try:
        return run([*command, "up", "-d", "--no-build"], codes, within=120, env=environment)[0]
    except SystemExit:
        return None


def shown(seconds):
    return "did not finish" if seconds is None else ms(seconds)


def make_image():
    with tempfile.TemporaryDirectory() as folder:
        busybox = shutil.which("busybox")
        shutil.copy(busybox, f"{folder}/busybox")
        tar = subprocess.run(["tar", "-C", folder, "-c", "busybox"], capture_output=True, check=True).stdout
    change = ["--change", f"CMD {json.dumps(CONNECTOR)}"]
    subprocess.run(["docker", "import", *change, "-", f"{IMAGE}:{MARK}"], input=tar, capture_output=True, check=True)


def remove(label):
    ids = [container["Id"] for container in listing(label)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda id: Engine().ask("DELETE", f"/containers/{id}?force=1", codes=(204, 404, 409)), ids))


# -- what is made to measure with --------------------------------------------------------------------------------------

def sealed(folder):
    key = folder / "age.key"
    subprocess.run(["age-keygen", "-o", key], capture_output=True, check=True)
    key.chmod(0o600)
    recipient = subprocess.run(["age-keygen", "-y", key], capture_output=True, check=True, text=True).stdout.strip()
    command = ["age", "-a", "-r", recipient]
    return subprocess.run(command, input="a secret value", capture_output=True, check=True, text=True).stdout


def secrets(file, contract):
    """The keys of a contract that must be sealed, as Lockstep itself names them."""
    _, _, said = run([LOCKSTEP, "catalog", "show", contract["slug"], "--catalog", file, "--format", "json"])
    return {key["key"] for key in json.loads(said)["keys"] if key["secret"]}


def valid(definition):
    """A value that the definition of a key takes."""
    if "enum" in definition:
        return definition["enum"][0]
    match definition.get("type"), definition.get("format"):
        case "boolean", _:
            return True
        case ("integer" | "number"), _:
            least = definition.get("minimum", definition.get("exclusiveMinimum", 0) + 1)
            return min(max(least, 1), definition.get("maximum", least + 1))
        case "array" | None, _:
            return [definition.get("items", {}).get("enum", ["item"])[0]]
        case _, "uri":
            return "https://example.org/a"
        case _, "duration":
            return "PT5M"
        case _, "date-time":
            return "2024-01-31T00:00:00Z"
        case _, "date":
            return "2024-01-31"
        case _, "email":
            return "name@example.org"
        case _, "uuid":
            return "5c1e0b0e-2f0e-4c53-9d0f-0f5d8a0e9b11"
    return "text"


def configuration(contract, secret, armored):
    properties = contract["config_schema"]["properties"].items()
    return {key: armored if key in secret else valid(definition) for key, definition in properties
            if key not in RESERVED and not definition.get("deprecated") and "const" not in definition}


def manifest(name, contract, config, **spec):
    spec = {"contract": contract, "config": config, **spec}
    lines = ["apiVersion: lockstep/v1", "kind: ConnectorInstance", f"metadata: {{name: {name}}}", "spec:"]
    for key, value in spec.items():
        if key != "config":
            lines.append(f"  {key}: {value}")
    lines.append("  config:" if config else "  config: {}")
    for key, value in config.items():
        if isinstance(value, str) and "\n" in value:
            lines += [f"    {key}: |", *(f"      {line}" for line in value.splitlines())]
        else:
            lines.append(f"    {key}: {json.dumps(value)}")
    return "\n".join(lines) + "\n"


def place(folder, owner, catalogs, platforms=None, source=None, listen=None):
    """Writes settings; the options that name them."""
    (folder / "connectors").mkdir(parents=True, exist_ok=True)
    settings = {"apiVersion": "lockstep/v1", "kind": "Settings", "owner": owner,
                "source": source or {"directory": "connectors"}, "catalogs": [{"file": str(c)} for c in catalogs],
                "policy": {"images": ["lockstep-bench/*", "opencti/*", "openaev/*", "filigran/*"]},
                "platforms": platforms or {}, "state": "state", "prune": {"maxPercent": 100}}
    (folder / "lockstep.yaml").write_text(json.dumps(settings))
    return ["--settings", folder / "lockstep.yaml"]


def connector_catalog(folder):
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": {
        "CONNECTOR_NAME": {"type": "string"}, "CONNECTOR_SCOPE": {"type": "string", "default": "report"},
        "BENCH_VALUE": {"type": "integer", "default": 1}}, "required": []}
    contract = {"title": "Bench", "slug": "bench", "description": "", "short_description": "", "manager_supported": True,
                "container_version": MARK, "container_image": IMAGE, "container_type": "EXTERNAL_IMPORT",
                "config_schema": schema}
    catalog = folder / "catalog.json"
    catalog.write_text(json.dumps({"id": "bench", "name": "bench", "version": "1", "contracts": [contract]}))
    return catalog


def instances(folder, number, state="started"):
    for index in range(number):
        text = manifest(f"bench-{index:04}", "bench", {"BENCH_VALUE": index + 1}, state=state)
        (folder / f"connectors/bench-{index:04}.yaml").write_text(text)


def compose(folder, number, name, value=1):
    services = {f"c{index:04}": {"image": f"{IMAGE}:{MARK}", "labels": {"bench": MARK}, "stop_grace_period": "1s",
                                 "environment": {"VALUE": str(value if index == 0 else 1)}} for index in range(number)}
    file = folder / "docker-compose.yaml"
    for service in services.values():
        service["network_mode"] = "bridge"
    file.write_text(json.dumps({"version": "3.8", "services": services}))
    return ["docker-compose", "-f", file, "-p", f"{MARK}-{name}"]


# -- the parts ---------------------------------------------------------------------------------------------------------

def part_validate(work, tools):
    armored = sealed(work)
    files = [f for f in (SHARED / "opencti-manifest.json", SHARED / "openaev-manifest.json") if f.exists()]
    files = files or [FIXTURES / "opencti.json", FIXTURES / "openaev.json"]
    (work / "token").write_text(TOKEN)
    (work / "token").chmod(0o600)
    platform = {"url": "http://127.0.0.1:9", "token": {"file": str(work / "token")}}
    platforms = {"opencti": {"kind": "opencti", **platform}, "openaev": {"kind": "openaev", **platform}}
    usable = []
    for file, name in zip(files, platforms):
        for contract in json.loads(file.read_text())["contracts"]:
            if contract.get("manager_supported") and contract.get("config_schema"):
                usable.append((contract, name, secrets(file, contract)))

    folder = work / "all"
    options = place(folder, MARK, files, platforms)
    for index in range(1000):
        contract, platform, secret = usable[index % len(usable)]
        text = manifest(f"all-{index:04}", contract["slug"], configuration(contract, secret, armored), platform=platform)
        (folder / f"connectors/all-{index:04}.yaml").write_text(text)
    codes = (0,) if SHARED.exists() else (0, 3)
    seconds = median(9, [LOCKSTEP, *options, "validate"], codes)
    _, memory, _ = run([LOCKSTEP, *options, "validate"], codes)
    size = sum(f.stat().st_size for f in (folder / "connectors").iterdir()) / 1e6
    row(f"validate 1,000 manifests, {len(usable)} contracts ({size:.1f} MB)", f"{ms(seconds)}, {memory:.0f} MiB", "",
        "120 ms")
    git = ["git", "-C", folder, "-c", "user.name=bench", "-c", "user.email=bench@example.org"]
    for words in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "all"]):
        run([*git, *words])
    seconds = median(9, [LOCKSTEP, *options, "plan", "--against", "HEAD"], codes)
    row("compare them with another revision", ms(seconds), "", "300 ms")

    contract, platform, secret = usable[0]
    folder = work / "one"
    options = place(folder, MARK, files, platforms)
    (folder / "plain").mkdir()
    plain = configuration(contract, secret, "text") | {"OPENCTI_URL": "http://opencti:8080", "OPENCTI_TOKEN": "token"}
    for index in range(1000):
        text = manifest(f"one-{index:04}", contract["slug"], configuration(contract, secret, armored), platform=platform)
        (folder / f"connectors/one-{index:04}.yaml").write_text(text)
        text = "".join(f"{key}: {json.dumps(value)}\n" for key, value in plain.items())
        (folder / f"plain/one-{index:04}.yaml").write_text(text)
    schema = folder / "schema.json"
    schema.write_text(json.dumps(contract["config_schema"]))
    seconds = median(9, [LOCKSTEP, *options, "validate"], codes)
    checker = pathlib.Path(tools) / "check-jsonschema"
    peer = "check-jsonschema is not here"
    if checker.exists():
        theirs = median(3, [checker, "--schemafile", schema, *sorted((folder / "plain").iterdir())], (0, 1))
        peer = f"check-jsonschema {ms(theirs)} ({theirs / seconds:.0f}×)"
    row("validate 1,000 files of one schema", ms(seconds), peer, "10× faster")


def part_plan(work, _):
    make_image()
    for number, state, goal in ((100, "started", "20 ms"), (1000, "stopped", "120 ms")):
        folder = work / f"plan-{number}"
        folder.mkdir()
        owner = f"{MARK}-{number}"
        options = place(folder, owner, [connector_catalog(folder)])
        instances(folder, number, state)
        run([LOCKSTEP, *options, "apply", "--yes"])
        seconds = median(9, [LOCKSTEP, *options, "plan", "--detailed-exitcode"])
        again, _, said = run([LOCKSTEP, *options, "apply", "--yes"])
        label = f"dev.lockstep.owner={owner}"
        wanted = f"/containers/json?all=1&filters={filters(label=[label])}"
        def bare():
            begun = time.perf_counter()
            Engine().ask("GET", wanted)
            return time.perf_counter() - begun
        lists = statistics.median(bare() for _ in range(9))
        command = median(5, ["docker", "ps", "--all", "--quiet", "--filter", f"label={label}"])
        peer = f"the engine's own list call {ms(lists)}, docker ps {ms(command)}"
        if number == 100:
            up = compose(folder, number, "plan")
            theirs = compose_up(up) and compose_up(up)
            peer += f", docker-compose up {shown(theirs)}"
            remove(f"bench={MARK}")
        row(f"plan, nothing to change, {number:,} containers", ms(seconds), peer, goal)
        # The next part makes instances of the same names.
        remove(label)


def part_create(work, _):
    make_image()
    number = 50

    def bare(width):
        def one(index):
            local = Engine()
            body = {"Image": f"{IMAGE}:{MARK}", "Labels": {"bench": MARK}, "Env": [f"VALUE={index}"]}
            made = local.ask("POST", f"/containers/create?name={MARK}-{width}-{index}", body)
            local.ask("POST", f"/containers/{made['Id']}/start")
        begun = time.perf_counter()
        with concurrent.futures.ThreadPoolExecutor(width) as pool:
            list(pool.map(one, range(number)))
        seconds = time.perf_counter() - begun
        remove(f"bench={MARK}")
        return seconds

    def ours(round):
        folder = work / f"create-{round}"
        folder.mkdir()
        owner = f"{MARK}-create-{round}"
        options = place(folder, owner, [connector_catalog(folder)])
        instances(folder, number)
        seconds, memory, _ = run([LOCKSTEP, *options, "apply", "--yes"])
        remove(f"dev.lockstep.owner={owner}")
        return seconds, memory

    rounds = [ours(round) for round in range(3)]
    seconds = statistics.median(seconds for seconds, _ in rounds)
    loops = {width: min(bare(width) for _ in range(2)) for width in (4, 8, 16)}
    best = min(loops, key=loops.get)
    up = compose(work, number, "create")
    theirs = compose_up(up)
    remove(f"bench={MARK}")
    row("50 new instances, created and started", f"{ms(seconds)}, {max(m for _, m in rounds):.0f} MiB",
        f"bare loop {ms(loops[best])} at {best} at once ({seconds / loops[best]:.2f}×), docker-compose {shown(theirs)}",
        "within 10 %")


@contextlib.contextmanager
def running(options, label, number):
    """`lockstep run` once everything of it is started."""
    child = subprocess.Popen([str(a) for a in (LOCKSTEP, *options, "run")], stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 120
        while len([c for c in listing(label) if c["State"] in ("running", "created")]) < number:
            if child.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"lockstep run did not bring about {number} instances")
            time.sleep(0.05)
        yield child
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait()


def part_change(work, _):
    make_image()
    folder = work / "change"
    folder.mkdir()
    owner = f"{MARK}-change"
    label = f"dev.lockstep.owner={owner}"
    catalog = connector_catalog(folder)
    options = place(folder, owner, [catalog])
    instances(folder, 3)
    file = folder / "connectors/bench-0000.yaml"

    def rounds(change, number=9):
        taken = []
        for index in range(number):
            settled(label, 3)
            begun = change(index)
            started = starts.after(begun, lambda a: a.get("dev.lockstep.instance") == "bench-0000")
            taken.append(started - begun)
        return statistics.median(taken), max(taken)

    def edit(index):
        text = manifest("bench-0000", "bench", {"BENCH_VALUE": 1000 + index})
        new = file.with_suffix(".new")
        new.write_text(text)
        begun = time.perf_counter()
        new.rename(file)
        return begun

    def kill(method):
        def change(_):
            id = [c["Id"] for c in listing(label) if c["Labels"]["dev.lockstep.instance"] == "bench-0000"][0]
            begun = time.perf_counter()
            if method == "remove":
                Engine().ask("DELETE", f"/containers/{id}?force=1")
            else:
                Engine().ask("POST", f"/containers/{id}/kill")
            return begun
        return change

    starts = Starts(label)
    with running(options, label, 3):
        middle, worst = rounds(edit)
        up = compose(folder, 3, "change")
        theirs = compose_up(up) and compose_up(compose(folder, 3, "change", 2))
        remove(f"bench={MARK}")
        row("a file changed, to its container running", f"p50 {ms(middle)}, worst {ms(worst)}",
            f"docker-compose up {shown(theirs)}, once it is called", "p50 600 ms")
        for method, word in (("remove", "removed"), ("kill", "killed")):
            middle, worst = rounds(kill(method))
            row(f"a container {word} by hand, to running again", f"p50 {ms(middle)}, worst {ms(worst)}",
                "docker-compose: never", "p50 1 s")
    remove(label)

    folder = work / "commit"
    folder.mkdir()
    owner, source = f"{MARK}-commit", {"git": {"url": str(folder), "ref": "main", "path": "connectors", "interval": "1s"}}
    label = f"dev.lockstep.owner={owner}"
    options = place(folder, owner, [catalog], source=source)
    instances(folder, 3)
    file = folder / "connectors/bench-0000.yaml"
    run(["git", "-C", folder, "init", "--quiet", "--initial-branch", "main"])

    def committed(index):
        begun = edit(index)
        commit(folder)
        return begun

    committed(0)
    starts = Starts(label)
    with running(options, label, 3):
        middle, worst = rounds(lambda index: committed(index + 1))
        row("a commit, to its container running (polled each second)", f"p50 {ms(middle)}, worst {ms(worst)}", "")
    remove(label)


def settled(label, number):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = listing(label)
        if len(found) == number and all(container["State"] == "running" for container in found):
            return
        time.sleep(0.02)
    raise SystemExit("it did not settle")


def part_memory(work, _):
    make_image()
    folder = work / "plan-1000"
    owner = f"{MARK}-1000"
    label = f"dev.lockstep.owner={owner}"
    folder.mkdir(exist_ok=True)
    options = place(folder, owner, [connector_catalog(folder)])
    instances(folder, 1000, "stopped")
    apply, memory, _ = run([LOCKSTEP, *options, "apply", "--yes"])
    with running(options, label, 1000) as child:
        # Three resyncs, so that what a pass leaves behind would show.
        used = {}
        for _ in range(3):
            child.send_signal(signal.SIGHUP)
            time.sleep(1.5)
        for line in pathlib.Path(f"/proc/{child.pid}/status").read_text().splitlines():
            if line.startswith(("VmHWM", "VmRSS")):
                used[line[:5]] = int(line.split()[1]) / 1024
        ticks = lambda: sum(map(int, pathlib.Path(f"/proc/{child.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]))
        before = ticks()
        time.sleep(5)
        idle = (ticks() - before) * 1000 / os.sysconf("SC_CLK_TCK") / 5
    row("memory of `run` at 1,000 instances", f"peak {used['VmHWM']:.0f} MiB, now {used['VmRSS']:.0f} MiB, "
        f"idle {idle:.1f} ms of CPU a second", "", "40 MiB")


@contextlib.contextmanager
def stand_in(folder, catalog):
    """A platform's address, until the end."""
    file = folder / "port"
    command = [OPENCTI, "--token", TOKEN, "--capability", "BYPASS", "--catalog", catalog, "--port-file", file]
    child = subprocess.Popen([str(a) for a in command], stdout=subprocess.DEVNULL)
    try:
        wait_for(file.exists, "the platform")
        yield f"http://127.0.0.1:{file.read_text().strip()}"
    finally:
        child.kill()
        child.wait()


def wait_for(holds, what, within=120):
    deadline = time.monotonic() + within
    while not holds():
        if time.monotonic() > deadline:
            raise SystemExit(f"{what} did not come about within {within} s")
        time.sleep(0.02)


def post(url, body):
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request) as answer:
        content = answer.read()
    return json.loads(content) if content else None


def connectors(url):
    with urllib.request.urlopen(f"{url}/connectors.json") as answer:
        return json.load(answer)


def make_in_pages(url, number):
    """What people do in the platform's pages: make instances, and ask for their start."""
    for index in range(number):
        text = f"""mutation {{ managedConnectorAdd(input: {{name: "pages-{index:04}", user_id: "pages-{index:04}",
            automatic_user: true, catalog_id: "bench", manager_contract_image: "{IMAGE}",
            manager_contract_configuration: []}}) {{ id }} }}"""
        id = post(f"{url}/graphql", {"query": text})["data"]["managedConnectorAdd"]["id"]
        text = f'mutation {{ updateConnectorRequestedStatus(input: {{id: "{id}", status: starting}}) {{ id }} }}'
        post(f"{url}/graphql", {"query": text})


def part_platform(work, _):
    make_image()
    number = 50
    taken = {way: [] for way in ("pages", "directory", "commit")}
    for round in range(3):
        # Each in turn, so that none has the quiet half of the machine's time.
        for way in taken:
            with standing(work, f"{way}-{round}", way) as (url, folder, label):
                begun = time.perf_counter()
                if way == "pages":
                    make_in_pages(url, number)
                else:
                    instances(folder, number)
                if way == "commit":
                    commit(folder)
                settled(label, number)
                taken[way].append(time.perf_counter() - begun)
                if way == "directory" and round == 0:
                    back = outage(url, folder, label, number)
    middle = {way: ms(statistics.median(all)) for way, all in taken.items()}
    row(f"{number} made in the platform's pages, to running", middle["pages"],
        f"{number} from a watched directory {middle['directory']}, in a commit polled each second {middle['commit']}",
        "as from Git")
    row(f"platform back after an outage, to {number} statuses told", ms(back), "", "10 s")


@contextlib.contextmanager
def standing(work, name, way):
    """A platform and a Lockstep that stands there: its address, the folder of the settings, the containers' label."""
    folder = work / f"platform-{name}"
    folder.mkdir()
    owner = f"{MARK}-{name}"
    label = f"dev.lockstep.owner={owner}"
    catalog = connector_catalog(folder)
    (folder / "token").write_text(TOKEN)
    (folder / "token").chmod(0o600)
    run([LOCKSTEP, "platform", "keygen", "--output", folder / "manager.pem"])
    with stand_in(folder, catalog) as url:
        manager = {"id": "bench", "name": "bench", "key": "manager.pem"}
        managed = {"registration": "managed", "manager": manager} if way == "pages" else {}
        platform = {"kind": "opencti", "url": url, "token": {"file": "token"}, **managed}
        source = {"git": {"url": str(folder), "ref": "main", "path": "connectors", "interval": "1s"}}
        options = place(folder, owner, [catalog], {"opencti": platform}, source if way == "commit" else None)
        if way == "commit":
            run(["git", "-C", folder, "init", "--quiet", "--initial-branch", "main"])
            (folder / "connectors/README").write_text("")
            commit(folder)
        with running(options, label, 0):
            asked = lambda: post(f"{url}/graphql", {"query": "{ connectorManagers { id } }"})["data"]
            wait_for(lambda: way != "pages" or asked()["connectorManagers"], "the registration")
            # What it does at its start is over by then.
            time.sleep(2)
            yield url, folder, label
    remove(label)


def commit(folder):
    git = ["git", "-C", folder, "-c", "user.name=bench", "-c", "user.email=bench@example.org"]
    run([*git, "add", "connectors"])
    run([*git, "commit", "--quiet", "--message", "change"])


def outage(url, folder, label, number):
    """The seconds from the end of an outage, in which everything was stopped, to every status told."""
    stands = lambda word: all(one["status"] == word for one in connectors(url))
    wait_for(lambda: len(connectors(url)) == number and stands("started"), "every status")
    post(f"{url}/_fault", {"kind": "500"})
    instances(folder, number, "stopped")
    wait_for(lambda: all(c["State"] == "exited" for c in listing(label)), "every stop")
    time.sleep(15)
    post(f"{url}/_fault", {"kind": "none"})
    begun = time.perf_counter()
    wait_for(lambda: stands("stopped"), "every status")
    return time.perf_counter() - begun


PARTS = {"validate": part_validate, "plan": part_plan, "create": part_create, "change": part_change,
         "memory": part_memory, "platform": part_platform}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tools", required=True)
    parser.add_argument("parts", nargs="*")
    options = parser.parse_args()
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"there is no part {', '.join(sorted(unknown))}; there are: {', '.join(PARTS)}")
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(SystemExit(143)))
    with tempfile.TemporaryDirectory(prefix=f"{MARK}-") as work:
        try:
            for name in options.parts or PARTS:
                print(f"{name} …", flush=True)
                PARTS[name](pathlib.Path(work), options.tools)
        finally:
            for container in listing("dev.lockstep.owner"):
                if container["Labels"]["dev.lockstep.owner"].startswith(f"{MARK}-"):
                    Engine().ask("DELETE", f"/containers/{container['Id']}?force=1", codes=(204, 404, 409))
            remove(f"bench={MARK}")
            Engine().ask("DELETE", f"/images/{IMAGE}:{MARK}?force=1", codes=(200, 404))
    widths = [max(len(line[column]) for line in [*rows, ("what", "lockstep", "peer", "goal")]) for column in range(4)]
    print()
    for line in [("what", "lockstep", "peer", "goal"), *rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())


if __name__ == "__main__":
    main()
