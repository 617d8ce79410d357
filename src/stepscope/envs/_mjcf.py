"""Scenes as MJCF, MuJoCo's description of a model in XML; nothing is downloaded."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stepscope.envs._shapes import Geoms

__all__ = ["pile", "press", "quadruped"]

_LEGS = {"front_left": (1, 1), "front_right": (1, -1), "rear_left": (-1, 1), "rear_right": (-1, -1)}
_JOINTS = {"hip": 0.0, "thigh": 0.8, "knee": -1.6}  # rad, at rest
_GAIN = 40.0  # N m / rad

_FLOOR = '<geom name="floor" type="plane" size="0 0 1" rgba="0.82 0.84 0.86 1"/>'
_LIGHT = '<light pos="0 0 4" dir="0 0 -1" diffuse="0.7 0.7 0.7"/>'


def quadruped(*, camera: tuple[int, int] | None = None, visual: str | None = None) -> str:
    """Return a quadruped of 12 kg on the ground, each of its four legs with three actuated joints.

    Parameters
    ----------
    camera
        Width and height, in pixels, of the images of a camera that follows it; None is no camera.
    visual
        Coordinates of the points of a convex mesh that is drawn in place of the trunk and does not collide.
    """
    legs = "".join(_leg(name, *sides) for name, sides in _LEGS.items())
    actuators = "".join(
        f'<position joint="{leg}_{joint}" kp="{_GAIN}" kv="1" ctrlrange="{rest - 0.5} {rest + 0.5}"/>'
        for leg in _LEGS
        for joint, rest in _JOINTS.items()
    )
    rest = " ".join(str(angle) for _ in _LEGS for angle in _JOINTS.values())
    view = (
        ""
        if camera is None
        else f'<camera name="view" mode="trackcom" pos="-1.1 -1.1 0.9" xyaxes="0.71 -0.71 0 0.37 0.37 0.85"'
        f' resolution="{camera[0]} {camera[1]}"/>'
    )
    trunk = '<geom type="box" size="0.24 0.1 0.06" mass="8" rgba="0.90 0.62 0 1"{}/>'
    asset, trunk = (
        ("", trunk.format(""))
        if visual is None
        else (
            f'<asset><mesh name="trunk" vertex="{visual}"/></asset>',
            # Geoms of group 3 collide and are not drawn.
            trunk.format(' group="3"') + '<geom type="mesh" mesh="trunk" mass="0" contype="0" conaffinity="0"'
            ' rgba="0.90 0.62 0 1"/>',
        )
    )
    return f"""<mujoco model="quadruped">
  <compiler angle="radian"/>{asset}
  <default><joint damping="0.1" armature="0.02"/></default>
  <worldbody>
    {_FLOOR}{_LIGHT}
    <body name="trunk" pos="0 0 0.3">
      <freejoint name="root"/>{view}
      {trunk}
      {legs}
    </body>
  </worldbody>
  <actuator>{actuators}</actuator>
  <keyframe><key name="start" qpos="0 0 0.3 1 0 0 0 {rest}"/></keyframe>
</mujoco>"""


def _leg(name: str, front: int, left: int) -> str:
    return f"""<body pos="{0.2 * front} {0.1 * left} 0">
        <joint name="{name}_hip" axis="1 0 0" range="-0.6 0.6"/>
        <geom type="sphere" size="0.04" mass="0.3" contype="0" conaffinity="0"/>
        <body pos="0 {0.06 * left} 0">
          <joint name="{name}_thigh" axis="0 1 0" range="-1.5 2.5"/>
          <geom type="capsule" fromto="0 0 0 0 0 -0.2" size="0.025" mass="0.5"/>
          <body pos="0 0 -0.2">
            <joint name="{name}_knee" axis="0 1 0" range="-2.6 -0.2"/>
            <geom type="capsule" fromto="0 0 0 0 0 -0.2" size="0.02" mass="0.2"/>
          </body>
        </body>
      </body>"""


def pile(shape: Geoms, *, objects: int, size: float) -> str:
    """Return free objects of 1 kg above one another, which fall into a heap; a vertical force acts on the first.

    Parameters
    ----------
    shape
        The assets and the geoms of each object.
    objects
        Number of objects.
    size
        Radius of a ball that holds one, in m.
    """
    assets, parts = shape
    geoms = "".join(f"<geom {part}/>" for part in parts)
    bodies = "".join(_object(number, geoms, size) for number in range(objects))
    return f"""<mujoco model="pile">
  <asset>{assets}</asset>
  <worldbody>{_FLOOR}{_LIGHT}{bodies}</worldbody>
  <actuator><motor joint="object_0" gear="0 0 1 0 0 0" ctrlrange="-20 20"/></actuator>
</mujoco>"""


def _object(number: int, geoms: str, size: float) -> str:
    # Three columns that lean on one another, so that they meet.
    turn = 2.0 * math.pi * (number % 3) / 3.0
    across = 1.15 * size
    height = size * (1.05 + 2.2 * (number // 3))
    place = f"{across * math.cos(turn):.5f} {across * math.sin(turn):.5f} {height:.5f}"
    return f'<body pos="{place}"><freejoint name="object_{number}"/>{geoms}</body>'


def press(*, nodes: int | None, young: float, poisson: float) -> str:
    """Return a block of 20 cm and 1 kg on the ground, and a plate above that presses on it.

    Parameters
    ----------
    nodes
        A soft block has a grid of so many nodes along each edge; None is a rigid one.
    young, poisson
        Young's modulus, in Pa, and Poisson's ratio of the soft block.
    """
    if nodes is None:
        block = """<body pos="0 0 0.105"><freejoint name="block"/>
      <geom type="box" size="0.105 0.105 0.105" mass="1"/></body>"""
    else:
        spacing = 0.2 / (nodes - 1)
        block = f"""<flexcomp name="block" type="grid" dim="3" count="{nodes} {nodes} {nodes}" pos="0 0 0.105"
        spacing="{spacing} {spacing} {spacing}" radius="0.005" mass="1">
        <elasticity young="{young}" poisson="{poisson}" damping="0.01"/><contact selfcollide="none"/>
      </flexcomp>"""
    return f"""<mujoco model="press">
  <worldbody>{_FLOOR}{_LIGHT}
    {block}
    <body name="plate" pos="0 0 0.25">
      <joint name="plate" type="slide" axis="0 0 1" damping="5"/>
      <geom type="box" size="0.15 0.15 0.02" mass="1"/>
    </body>
  </worldbody>
  <actuator><position joint="plate" kp="400" kv="40" ctrlrange="-0.1 0.1"/></actuator>
</mujoco>"""
