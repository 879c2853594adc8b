"""A CloudFormation template as values: its functions resolved the way CloudFormation would, for given parameters.

Only what the templates in ``deploy/aws`` use is known; anything else raises.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import yaml

AWS = Path(__file__).parents[2] / "deploy" / "aws"
ACCOUNT, REGION, PARTITION = "123456789012", "eu-west-1", "aws"
#: The names of the stacks, as ``scripts/deploy`` gives them.
STACKS = {name: f"rugbytx-{name}" for name in ("data", "fleet", "control")}
#: What stands for ``AWS::NoValue``: the key or the item that bears it goes.
_NOTHING = object()
_SHORT = {"Ref": "Ref", "Condition": "Condition"}


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms, such as ``!Ref``, as their long ones."""


def _long(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = _SHORT.get(suffix, f"Fn::{suffix}")
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
        return {name: value.split(".", 1) if suffix == "GetAtt" else value}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {name: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _long)


def load(name: str) -> dict[str, Any]:
    """Return a template of ours with its functions in their long form."""
    loaded: dict[str, Any] = yaml.load((AWS / f"{name}.yaml").read_text(), Loader=_Loader)  # noqa: S506  a SafeLoader
    return loaded


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A template with its parameters given: its resources as CloudFormation would make them."""

    name: str
    template: Mapping[str, Any]
    parameters: Mapping[str, Any]
    exports: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, *, exports: Mapping[str, Any] | None = None, **parameters: Any) -> Self:
        """Return the stack of a template of ours; parameters that are not given have their defaults."""
        template = load(name)
        given = {
            key: parameters.get(key, declared.get("Default", f"<{key}>"))
            for key, declared in template["Parameters"].items()
        }
        return cls(name=name, template=template, parameters=given, exports=exports or {})

    def resources(self) -> dict[str, dict[str, Any]]:
        """Return the resources that are made with these parameters, resolved."""
        return {
            logical_id: self.resolve(resource)
            for logical_id, resource in self.template["Resources"].items()
            if self._is_made(resource)
        }

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return the properties of the resources of one type, by their logical ids."""
        return {
            logical_id: resource.get("Properties", {})
            for logical_id, resource in self.resources().items()
            if resource["Type"] == kind
        }

    def exported(self) -> dict[str, Any]:
        """Return what this stack exports, by name."""
        outputs = [output for output in self.template["Outputs"].values() if self._is_made(output)]
        return {
            self.resolve(output["Export"]["Name"]): self.resolve(output["Value"])
            for output in outputs
            if "Export" in output
        }

    def resolve(self, value: Any) -> Any:
        """Return a value with its functions carried out."""
        if isinstance(value, list):
            items = [self.resolve(item) for item in value]
            return [item for item in items if item is not _NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((function, argument),) = value.items()
            if function == "Ref" or function.startswith("Fn::"):
                return self._call(function, argument)
        resolved = {key: self.resolve(item) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not _NOTHING}

    def _call(self, function: str, argument: Any) -> Any:  # noqa: C901, PLR0911  a function each
        match function:
            case "Ref":
                return self._reference(argument)
            case "Fn::GetAtt":
                return self._attribute(*argument)
            case "Fn::If":
                name, then, otherwise = argument
                return self.resolve(then if self._holds({"Condition": name}) else otherwise)
            case "Fn::Sub":
                text, own = argument if isinstance(argument, list) else (argument, {})
                return self._substitute(text, {key: self.resolve(item) for key, item in own.items()})
            case "Fn::ImportValue":
                return self.exports[self.resolve(argument)]
            case "Fn::Join":
                separator, items = argument
                return separator.join(map(str, self.resolve(items)))
            case "Fn::Split":
                separator, text = argument
                return self.resolve(text).split(separator)
            case "Fn::Select":
                index, items = argument
                return self.resolve(items)[int(index)]
            case "Fn::GetAZs":
                return [f"{REGION}{letter}" for letter in "abc"]
            case "Fn::Base64":
                return self.resolve(argument)
        raise AssertionError(f"{function} is not known here")

    def _reference(self, name: str) -> Any:
        pseudo = {
            "AWS::NoValue": _NOTHING,
            "AWS::AccountId": ACCOUNT,
            "AWS::Region": REGION,
            "AWS::Partition": PARTITION,
            "AWS::StackName": STACKS[self.name],
        }
        if name in pseudo:
            return pseudo[name]
        if name in self.parameters:
            return self.parameters[name]
        resource = self.template["Resources"][name]
        own = self._physical_name(resource)
        named = own or f"<{name}>"
        return self._arn(resource["Type"], named) if resource["Type"] in _REF_IS_ARN else named

    def _attribute(self, name: str, attribute: str) -> str:
        resource = self.template["Resources"][name]
        if attribute in {"Arn", "TrustAnchorArn", "ProfileArn"}:
            return self._arn(resource["Type"], self._physical_name(resource) or f"<{name}>")
        if attribute in {"QueueName", "Name"}:
            return self._physical_name(resource)
        return f"<{name}.{attribute}>"

    def _physical_name(self, resource: Mapping[str, Any]) -> str:
        properties = resource.get("Properties", {})
        names = [properties[key] for key in _NAMES if key in properties]
        return str(self.resolve(names[0])) if names else ""

    def _arn(self, kind: str, name: str) -> str:
        if kind == "AWS::S3::Bucket":
            return f"arn:{PARTITION}:s3:::{name}"
        service, _, noun = kind.removeprefix("AWS::").partition("::")
        prefix = {"Table": "table/", "Role": "role/", "ManagedPolicy": "policy/", "Function": "function:"}
        return f"arn:{PARTITION}:{service.lower()}:{REGION}:{ACCOUNT}:{prefix.get(noun, '')}{name}"

    def _substitute(self, text: str, own: Mapping[str, Any]) -> str:
        def value(found: re.Match[str]) -> str:
            name = found[1]
            if name in own:
                return str(own[name])
            resource, _, attribute = name.partition(".")
            return str(self._attribute(resource, attribute) if attribute else self._reference(name))

        return re.sub(r"\$\{([A-Za-z0-9:.]+)\}", value, text)

    def _is_made(self, described: Mapping[str, Any]) -> bool:
        return "Condition" not in described or self._holds({"Condition": described["Condition"]})

    def _holds(self, condition: Mapping[str, Any]) -> bool:
        ((function, argument),) = condition.items()
        match function:
            case "Condition":
                return self._holds(self.template["Conditions"][argument])
            case "Fn::Equals":
                left, right = map(self.resolve, argument)
                return str(left) == str(right)
            case "Fn::Not":
                return not self._holds(argument[0])
            case "Fn::And":
                return all(map(self._holds, argument))
        raise AssertionError(f"{function} is not known here")


#: Properties that name a resource.
_NAMES = (
    *("BucketName", "ClusterName", "FunctionName", "LogGroupName", "Name", "PolicyName", "QueueName"),
    *("RepositoryName", "ServiceName", "TableName", "TopicName", "UserName"),
)
#: Types whose ``Ref`` is an ARN.
_REF_IS_ARN = frozenset(
    {"AWS::IAM::ManagedPolicy", "AWS::SNS::Topic", "AWS::SecretsManager::Secret", "AWS::ECS::Service"}
)
