"""What SAM's own code makes of template.yaml: the variables of `sam local invoke` and what `sam build` builds with. No Docker, no account.

The code lies in the wheel of which we want the emulator; it runs in a process of its own, for what it imports is not ours.
"""

import json
import os
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from functools import cache
from typing import Any

from tests.deploy.tools import EMULATOR, ROOT, install

SCRIPT = """
import json, sys
from samcli.lib.providers.sam_base_provider import SamBaseProvider
from samcli.local.lambdafn.env_vars import EnvironmentVariables
from samcli.yamlhelper import yaml_parse
parameters, overrides = json.loads(sys.argv[1]), json.load(open(sys.argv[2]))["Parameters"]
template = SamBaseProvider.get_template(yaml_parse(open("template.yaml").read()), parameters)
functions = {name: one for name, one in template["Resources"].items() if one["Type"] == "AWS::Serverless::Function"}
print(json.dumps({
    name: {
        "declared": list(one["Properties"]["Environment"]["Variables"]),
        "variables": EnvironmentVariables(
            name, one["Properties"]["MemorySize"], one["Properties"]["Timeout"], one["Properties"]["ImageConfig"]["Command"][0],
            variables=one["Properties"]["Environment"]["Variables"], override_values=overrides,
            aws_creds={"region": sys.argv[3], "key": "test", "secret": "test"},
        ).resolve(),
        "arguments": one["Metadata"]["DockerBuildArgs"],
    }
    for name, one in functions.items()
}))
"""


@dataclass(frozen=True)
class OfSam:
    """A function as SAM sees it. declared: names of the template's variables; variables: of its container; arguments: of the build."""

    declared: list[str]
    variables: dict[str, str]
    arguments: dict[str, str]


@cache
def configuration() -> dict[str, Any]:
    """Read samconfig.toml."""
    return tomllib.loads((ROOT / "samconfig.toml").read_text())


def sam(function: str, **parameters: str) -> OfSam:
    """Ask SAM about a function, ``ingest``, with what samconfig.toml gives `sam local invoke`, and more parameters."""
    return _asked(json.dumps(parameters))[function]


@cache
def _asked(more: str) -> dict[str, OfSam]:
    install()
    own = configuration()["default"]["local_invoke"]["parameters"]
    parameters = dict(one.split("=", 1) for one in own["parameter_overrides"]) | json.loads(more)
    region = configuration()["default"]["global"]["parameters"]["region"]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(parameters), own["env_vars"], region],
        env={**os.environ, "PYTHONPATH": str(EMULATOR), "AWS_DEFAULT_REGION": region},
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    found = json.loads(done.stdout)
    return {name.removesuffix("Function").lower(): OfSam(**one) for name, one in found.items()}
