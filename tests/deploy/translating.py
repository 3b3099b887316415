"""A SAM template as CloudFormation gets it: translated by SAM's own translator, without an account and without a network."""

from functools import cache
from pathlib import Path
from typing import Any

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).parents[2]
SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:event-dedup-AbCdEf"


def source(path: str = "template.yaml") -> Any:
    """Read a template, its short forms written out."""
    return yaml_parse((ROOT / path).read_text(encoding="utf-8"))


@cache
def translated() -> Any:
    """Translate template.yaml; raises SAM's InvalidDocumentException."""
    template = source()
    defaults = {name: one["Default"] for name, one in template["Parameters"].items() if "Default" in one}
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name="eu-central-1"))
    return translator.translate(template, {**defaults, "DatabaseSecretArn": SECRET})


def resources(kind: str) -> dict[str, Any]:
    """Give the properties of all resources of a kind by their names, and beside them what stands outside of the properties."""
    return {
        name: resource["Properties"]
        for name, resource in translated()["Resources"].items()
        if resource["Type"] == kind
    }


def name_in(reference: Any) -> str:
    """Give the resource that a Ref or GetAtt names."""
    if "Ref" in reference:
        return str(reference["Ref"])
    if "Fn::Sub" in reference:
        return str(reference["Fn::Sub"]).removeprefix("${").split("}")[0].split(".")[0]
    target = reference["Fn::GetAtt"]
    return str(target if isinstance(target, str) else target[0]).split(".")[0]
