"""The site's own search, asked in a browser as a reader would."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

# What practitioners type, and the pages that answer it: the first hits, in this order.
FIRST_HITS = {
    "CUDA out of memory": ["troubleshooting/cuda-out-of-memory", "guide/memory", "guide/small-budgets"],
    "out of memory": ["guide/memory", "troubleshooting/cuda-out-of-memory", "guide/small-budgets"],
    "OOM": ["guide/memory", "troubleshooting/cuda-out-of-memory", "guide/small-budgets"],
    "normal expects all elements of std >= 0.0": ["troubleshooting/normal-expects-std"],
    "Expected parameter loc": ["troubleshooting/distribution-parameter-invalid"],
    "num_envs": ["guide/environments", "guide/tuning", "guide/memory"],
    "minibatch": ["guide/tuning", "guide/small-budgets", "auto_gallery/3_tuning/plot_batch_recipe"],
    "multi-GPU": ["guide/scaling-out", "auto_gallery/3_tuning/plot_two_processes", "results/normal"],
    "several GPUs": ["guide/scaling-out", "auto_gallery/3_tuning/plot_two_processes", "results/normal"],
    "torchrun": ["guide/scaling-out", "auto_gallery/3_tuning/plot_two_processes", "results/normal"],
    "distributed": ["guide/scaling-out", "auto_gallery/3_tuning/plot_two_processes", "results/normal"],
    "wandb": [
        "troubleshooting/wandb-not-logged-in",
        "troubleshooting/wandb-network",
        "troubleshooting/wandb-several-event-directories",
    ],
    "KL": ["outputs/sb3", "outputs/rsl_rl", "guide/tuning"],
    "reward nan": ["guide/nans", "troubleshooting/nan-reward", "troubleshooting/nan-loss"],
    "NaN": ["guide/nans", "troubleshooting/nan-loss", "troubleshooting/index"],
    "fps": ["outputs/fps", "results/normal", "outputs/index"],
    "horizon_length": [
        "guide/tuning",
        "guide/small-budgets",
        "auto_gallery/3_tuning/plot_horizon_for_environments",
    ],
    "PhysX": ["outputs/isaaclab", "guide/nans", "guide/small-budgets"],
    "GPU memory": ["guide/small-budgets", "guide/memory", "results/normal"],
    "headless": ["guide/environments", "guide/small-budgets", "guide/memory"],
    "tensorboard": ["outputs/skrl", "outputs/index", "reference/cli"],
    "it/s": ["outputs/skrl", "outputs/sb3", "outputs/fps"],
    "install": ["start/index", "index", "reference/cli"],
    "glossary": ["start/glossary"],
    "RslRlVecEnvWrapper": ["start/nan-before-a-deadline", "guide/nans"],
    "batch size": ["guide/tuning", "guide/small-budgets", "auto_gallery/3_tuning/plot_batch_recipe"],
    "learning rate": ["guide/tuning", "outputs/rsl_rl", "outputs/rl_games"],
    "8 GB": ["guide/small-budgets", "guide/memory", "results/normal"],
    "memory calculator": ["tools/memory", "guide/memory", "guide/small-budgets"],
    "joint gains": ["tools/stability", "guide/nans", "auto_gallery/4_nans/plot_stability_map"],
    # The names of one setting in two libraries.
    "num_steps_per_env": ["guide/tuning"],
    "n_steps": ["guide/tuning"],
    # In no list of words: the headings and the ranking by pages decide.
    "solver iterations": ["auto_gallery/4_nans/plot_solver_iterations"],
    "collision shapes": ["auto_gallery/2_memory/plot_collision_shapes"],
    # Messages with other numbers and paths than their pages show.
    "RuntimeError: normal expects all elements of std >= 0.0 (/home/me/thing.py)": [
        "troubleshooting/normal-expects-std"
    ],
    "Patch buffer overflow detected, please increase its size to at least 987654 in the scene desc!": [
        "troubleshooting/patch-buffer-overflow"
    ],
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 7.13 GiB. GPU 3 has": [
        "troubleshooting/cuda-out-of-memory"
    ],
}


@pytest.fixture(scope="module")
def results(browser: Browser, address: str) -> dict[str, list[str]]:
    """Places that each query finds, best first, such as ``guide/nans`` or ``guide/nans#the-policy-made-it``."""
    page = browser.new_page()
    page.goto(f"{address}/search.html")
    page.wait_for_function("Search.hasIndex()")
    ask = """query => Search._performSearch(...Search._parseQuery(query)).reverse()
        .map(([docname, , anchor]) => docname + anchor)"""
    found = {query: page.evaluate(ask, query) for query in FIRST_HITS}
    page.close()
    return found


@pytest.mark.parametrize("query", FIRST_HITS)
def test_the_first_hits_answer(results: dict[str, list[str]], query: str) -> None:
    """What practitioners type leads to the pages about it, before any other."""
    expected = FIRST_HITS[query]
    assert results[query][: len(expected)] == expected


def test_members_of_the_api_come_last(results: dict[str, list[str]]) -> None:
    """Nothing else is below the names of the API."""
    for query, places in results.items():
        api = [place.startswith("reference/api") for place in places]
        assert api == sorted(api), query


def test_no_place_is_found_twice(results: dict[str, list[str]]) -> None:
    """Each hit leads elsewhere."""
    for query, places in results.items():
        assert len(places) == len(set(places)), query


def test_a_page_shows_what_was_found(address: str, page: Page) -> None:
    """The list on the page of the search is in that order, and its links lead to the pages."""
    page.goto(f"{address}/search.html?q=multi-GPU")
    first = page.locator("#search-results ul.search > li a").first
    assert first.get_attribute("href").endswith("guide/scaling-out.html")
    first.click()
    assert page.url.partition("?")[0].endswith("/guide/scaling-out.html")


def test_the_field_of_every_page_finds_the_same(address: str, page: Page) -> None:
    """The dialog that a reader opens on a page asks the same search while it is typed into."""
    page.goto(f"{address}/outputs/fps.html")
    page.locator("button.search-button-field:visible, button.search-button:visible").first.click()
    page.locator("#pst-search-dialog input[name=q]").press_sequentially("OOM")
    first = page.locator("#pst-search-dialog ul.search > li a").first
    assert first.get_attribute("href").endswith("guide/memory.html")


def test_code_of_examples_is_not_searched(site: Path) -> None:
    """A name that only scripts use is not in the index."""
    index = (site / "searchindex.js").read_text(encoding="utf-8")
    terms = json.loads(index.removeprefix("Search.setIndex(").removesuffix(")"))["terms"]
    assert "rollout" in terms
    assert "textcoord" not in terms
