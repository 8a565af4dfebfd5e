"""API operations for states' registers of blocked sites, which `qalqan.yaml` names."""

from __future__ import annotations

from typing import Literal

from gateway.control.contract.lists import REGISTER, REGISTERS, Registers, SwitchedRegister
from gateway.control.schema import record
from webui.api.operations import Noun
from webui.api.who import Caller

noun = Noun("registers")


@record
class RegisterBody:
    on: Literal["yes", "no"]


@noun.declare("GET", "/registers", answer=Registers)
def read(me: Caller) -> object:
    """List the states' registers of blocked sites that the home can turn on. All are off by default."""
    return me.ask(REGISTERS)


@noun.declare("POST", "/registers/{country}", body=RegisterBody, answer=SwitchedRegister)
def switch(me: Caller, country: str, body: RegisterBody) -> object:
    """Turn a state's register of blocked sites on or off for the whole home.

    Off applies immediately. `/family/undo` undoes it.
    """
    return me.change(REGISTER, country=country, on=body.on)
