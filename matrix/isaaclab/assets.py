"""Make a folder of the few assets that the recorded tasks need; Isaac Lab would download them.

Newton's package ships the cart-pole, which is Isaac Lab's own one made flat, and the ant. The ground plane is
`ground_plane.usda` beside this file.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

__all__ = ["make_assets"]

_ENVIRONMENT = "Isaac/IsaacLab/Environments/Grid/default_ground_plane_checker_v1/default_ground_plane.usda"
_CARTPOLE = "Isaac/IsaacLab/Robots/Classic/Cartpole/cartpole.usd"
_ANT = "Isaac/Robots/IsaacSim/Ant/ant_instanceable.usd"


def make_assets(into: Path) -> Path:
    """Write the assets below a folder that ``ISAACSIM_ASSET_ROOT`` can name, and return it.

    Raises
    ------
    ModuleNotFoundError
        Newton is not installed.
    """
    spec = find_spec("newton")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("newton is not installed; run nox -s isaaclab.")
    shipped = Path(spec.submodule_search_locations[0], "examples", "assets")
    cartpole = shipped.joinpath("cartpole_single_pendulum.usda").read_text(encoding="utf-8")
    _write(into / _CARTPOLE, with_default_prim(cartpole, was="cartPole", now="cartpole"))
    _write(into / _ANT, shipped.joinpath("ant.usda").read_text(encoding="utf-8"))
    plane = Path(__file__).with_name("ground_plane.usda")
    _write(into / _ENVIRONMENT, plane.read_text(encoding="utf-8"))
    return into


def with_default_prim(layer: str, *, was: str, now: str) -> str:
    r"""Return a layer that opens on another prim; Newton's cart-pole names one that it does not have.

    >>> with_default_prim('#usda 1.0\n(\n    defaultPrim = "cartPole"\n)', was="cartPole", now="cartpole")
    '#usda 1.0\n(\n    defaultPrim = "cartpole"\n)'
    """
    return layer.replace(f'defaultPrim = "{was}"', f'defaultPrim = "{now}"', 1)


def _write(path: Path, layer: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(layer, encoding="utf-8")
