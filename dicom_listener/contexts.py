"""Which presentation contexts are accepted: every storage SOP class in every transfer syntax, and the services."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pydicom.uid import UID, AllTransferSyntaxes, UncompressedTransferSyntaxes
from pynetdicom import AllStoragePresentationContexts, build_context
from pynetdicom.presentation import PresentationContext
from pynetdicom.service_class import ServiceClass, StorageServiceClass
from pynetdicom.sop_class import (  # type: ignore[attr-defined]  # made at run time
    StorageCommitmentPushModel,
    register_uid,
    uid_to_service_class,
)

STORAGE_SYNTAXES = frozenset(AllTransferSyntaxes)
MESSAGE_SYNTAXES = frozenset(UncompressedTransferSyntaxes)
"""Of what is no image: queries, and answers to them."""

STORAGE_CLASSES = frozenset(str(context.abstract_syntax) for context in AllStoragePresentationContexts)
MAX_UNKNOWN_CLASSES = 1000
"""That one process learns; each stays in memory."""


@dataclass(frozen=True, slots=True)
class StorageRules:
    """What may be stored: in which transfer syntaxes, and whether in SOP classes that nobody knows."""

    transfer_syntaxes: frozenset[str] = STORAGE_SYNTAXES
    unknown_classes: bool = False


class Contexts:
    """Chooses among what a peer proposes."""

    def __init__(self, services: Iterable[str], rules: Callable[[], StorageRules]) -> None:
        """`services` are the SOP classes that are no storage; `rules` is asked at each association."""
        self._services = frozenset(services)
        self._rules = rules
        self._learnt: set[str] = set()
        self._lock = threading.Lock()

    def choose(self, proposed: Iterable[PresentationContext]) -> list[PresentationContext]:
        """The contexts to accept, each abstract syntax once.

        Of several transfer syntaxes the first that the peer names is taken, as Orthanc does: it is the one that the
        peer has at hand.
        """
        rules = self._rules()
        wanted: dict[str, list[UID]] = {}
        for context in proposed:
            syntaxes = self._syntaxes(UID(str(context.abstract_syntax)), rules)
            accepted = [syntax for syntax in context.transfer_syntax if syntax in syntaxes]
            if accepted:
                wanted.setdefault(str(context.abstract_syntax), []).extend(accepted)
        return [self._context(abstract, syntaxes) for abstract, syntaxes in wanted.items()]

    def _context(self, abstract_syntax: str, syntaxes: list[UID]) -> PresentationContext:
        context = build_context(abstract_syntax, list(dict.fromkeys(syntaxes)))
        if abstract_syntax not in self._services or abstract_syntax == StorageCommitmentPushModel:
            context.scu_role = context.scp_role = True  # C-GET turns them around, and reports of commitment
        return context

    def _syntaxes(self, abstract_syntax: UID, rules: StorageRules) -> frozenset[str]:
        if abstract_syntax in self._services:
            return MESSAGE_SYNTAXES
        if abstract_syntax in STORAGE_CLASSES or (rules.unknown_classes and self._learn(abstract_syntax)):
            return rules.transfer_syntaxes
        return frozenset()

    def _learn(self, abstract_syntax: UID) -> bool:
        """Take an unknown SOP class for one of storage."""
        if not abstract_syntax.is_valid:
            return False
        with self._lock:
            if abstract_syntax in self._learnt:
                return True
            if (
                len(self._learnt) >= MAX_UNKNOWN_CLASSES
                or uid_to_service_class(abstract_syntax) is not ServiceClass
            ):
                return False
            keyword = f"Unknown{len(self._learnt)}Storage"
            register_uid(abstract_syntax, keyword, StorageServiceClass)
            self._learnt.add(abstract_syntax)
            return True
