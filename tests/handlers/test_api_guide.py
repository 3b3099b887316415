"""docs/API.md: its examples, run one after the other in a shell, as a reader does."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from socket import create_server

import pytest

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "API.md").read_text(encoding="utf-8")

pytestmark = pytest.mark.skipif(
    not all(shutil.which(name) for name in ("bash", "curl", "jq")), reason="needs bash, curl and jq"
)


def test_each_example_of_the_guide_runs_and_a_follower_has_all_events(database: str, tmp_path: Path) -> None:
    with create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    (tmp_path / "follow.py").write_text(re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)[0])
    examples = "\n".join(re.findall(r"```bash\n(.*?)```", GUIDE, re.DOTALL)).replace("8022", port)
    examples = examples.replace("samples/", f"{ROOT}/samples/")
    awaited = f"until curl -s -o /dev/null http://127.0.0.1:{port}/ready; do sleep 0.2; done"
    examples = examples.replace(f"--port {port} & ", f"--port {port} & {awaited} # ")
    command = tmp_path / "event-dedup"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m handlers.cli "$@"\n')
    command.chmod(0o755)
    # What was taken back is matched while this asks: until both have seen the same.
    ended = f"""
    followed() {{ {sys.executable} {tmp_path}/follow.py $API $KEY | cut -d' ' -f1; }}
    listed() {{ curl -sH "X-Api-Key: $KEY" "$API/events?limit=200" | jq '.events | length'; }}
    until [ "$(curl -sH "X-Api-Key: $KEY" "$API/changes?after=$LAST" | jq '.changes | length')" -ge 4 ]; do sleep 0.5; done
    echo $(followed) $(listed)
    kill %1; wait
    """

    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f"cd {tmp_path}\n{examples}\n{ended}"],
        env=os.environ
        | {
            "EVENT_DEDUP_DATABASE_URL": database,
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
        },
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    lines = done.stdout.splitlines()
    assert "304" in lines
    assert any(line.startswith("308 http") for line in lines)
    assert '"merged"' in done.stdout
    assert lines[-1] == "74 74"
