"""How a stage is deployed: one validated object, read from ``infra/stages/{stage}.toml``.

The options of the store itself (docs/configuration.md) stand in .chalice/config.json, by stage.
"""

from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

FOLDER = Path(__file__).parent

WARM_AT_LEAST = 4000
"""Write units a second of any new table that is paid by request (DynamoDB developer guide, "On-demand capacity")."""

Count = Annotated[int, Meta(ge=1, le=100)]
_REGION = r"[a-z]{2}(-[a-z]+)+-\d"


class StageError(Exception):
    """The stage does not exist, or says what cannot be; the message tells which."""


class Stage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What differs between deployments.

    Attributes
    ----------
    region
        Where it goes.
    account
        Whose it is; empty for that of whoever deploys. Needed with `replica_region` and with three zones.
    availability_zones
        2 or 3, in which every part of it runs.
    replica_region
        Keeps a second copy of all files and both tables in another region; empty for none.
    vpc_cidr
        Addresses of the network; must not overlap those of the sites that are connected to it.
    internet_access
        NAT gateways, for modalities and peers that are not reached by VPN or Direct Connect. AWS needs none.
    dicom, dicom_tls
        Whether there is a listener for DICOM (port 104), and for DICOM TLS (port 2762).
    dicom_sources
        Networks that may connect to the listeners, in CIDR form.
    dicom_public
        Listeners have public addresses. DICOM without TLS cannot.
    minimum_tasks, maximum_tasks
        Containers of each listener. From two on they are in different zones.
    task_cpu, task_memory_mib
        Size of a container (Fargate's combinations).
    log_days
        How long logs are kept.
    alarm_email
        Who gets the alarms; empty: nobody is subscribed to the topic.
    requests_per_source
        Requests of one address within five minutes, from which on it is refused for a while.
    warm_write_units
        What each table carries from its first day on, in write units a second; 0 for AWS's 4,000, which grow with use.
        Paid for once. An upload takes about 11 (docs/load.md).
    protected
        Tables and load balancers refuse to be deleted.
    """

    name: str
    region: Annotated[str, Meta(pattern=rf"^{_REGION}\Z")]
    account: Annotated[str, Meta(pattern=r"^(\d{12})?\Z")] = ""
    availability_zones: Annotated[int, Meta(ge=2, le=3)] = 2
    replica_region: Annotated[str, Meta(pattern=rf"^({_REGION})?\Z")] = ""
    vpc_cidr: str = "10.42.0.0/16"
    internet_access: bool = False
    dicom: bool = True
    dicom_tls: bool = False
    dicom_sources: tuple[str, ...] = ("10.0.0.0/8",)
    dicom_public: bool = False
    minimum_tasks: Count = 2
    maximum_tasks: Count = 10
    task_cpu: int = 1024
    task_memory_mib: int = 2048
    log_days: int = 365
    alarm_email: str = ""
    requests_per_source: Annotated[int, Meta(ge=100)] = 100_000
    warm_write_units: Annotated[int, Meta(ge=0, le=40_000)] = 0
    protected: bool = True

    def __post_init__(self) -> None:
        """Refuse what does not go together."""
        for cidr in (self.vpc_cidr, *self.dicom_sources):
            IPv4Network(cidr)
        if 0 < self.warm_write_units <= WARM_AT_LEAST:
            raise ValueError(f"warm_write_units of up to {WARM_AT_LEAST} change nothing")
        if self.minimum_tasks > self.maximum_tasks:
            raise ValueError("minimum_tasks is more than maximum_tasks")
        if self.dicom_public and self.dicom:
            raise ValueError(
                "dicom_public needs dicom = false: DICOM without TLS has no place on the internet"
            )
        if self.dicom_public and not self.internet_access:
            raise ValueError("dicom_public needs internet_access")
        if (self.replica_region or self.availability_zones > 2) and not self.account:
            raise ValueError("replica_region and three availability_zones need an account")
        if self.replica_region and self.replica_region == self.region:
            raise ValueError("replica_region is the region itself")


def load_stage(name: str, folder: Path = FOLDER) -> Stage:
    """Read a stage; raises `StageError`."""
    try:
        text = (folder / f"{name}.toml").read_bytes()
    except OSError:
        raise StageError(f"There is no {folder / name}.toml") from None
    try:
        return msgspec.convert(msgspec.toml.decode(text) | {"name": name}, Stage)
    except (ValueError, msgspec.MsgspecError) as error:
        raise StageError(f"{name}.toml: {error}") from None
