"""Sphinx configuration; the work is done in stepscope._sphinx."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import stepscope

ROOT = Path(__file__).parent
SITE = os.environ.get("STEPSCOPE_SITE_URL", "https://stepscope.github.io/stepscope/")
# Where other versions of the site lie, for the foot of each page: "stable=/en/stable/ dev=/en/latest/".
VERSIONS = [each.split("=", 1) for each in os.environ.get("STEPSCOPE_VERSIONS", "").split()]
WHEEL = f"stepscope-{stepscope.__version__}-py3-none-any.whl"

# Examples write down what they have shown; processes that they start inherit the folder and the thread count.
os.environ.setdefault("STEPSCOPE_EVIDENCE", str(ROOT / "_build" / "evidence"))
os.environ.setdefault("OMP_NUM_THREADS", "1")

project = "Stepscope"
author = "The Stepscope developers"
copyright = f"2026, {author}"
version = release = stepscope.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_gallery.gen_gallery",
    "sphinx_design",
    "sphinx_copybutton",
    "sphinx_sitemap",
    "sphinxext.opengraph",
    "notfound.extension",
    "stepscope._sphinx",
]

exclude_patterns = [
    "conftest.py",
    "auto_gallery/**/*.py.md5",
    "sg_execution_times.rst",
    "auto_gallery/**/sg_execution_times.rst",
]
myst_enable_extensions = ["colon_fence", "deflist", "attrs_inline"]
myst_heading_anchors = 3
nitpicky = True
smartquotes = False  # what a library prints is quoted as it stands
nitpick_ignore_regex = [
    # Types that other projects document; this site loads nothing from them, so their names stay plain text.
    ("py:class", r"Module|Path|Tensor|VectorEnv|(torch|numpy|np|gymnasium|pathlib|collections|typing)\..*"),
    (
        "py:class",
        "Bottleneck|Kind|Part|Place|Role|RunSummary|Scope|State|Work",
    ),  # literals, functions and summaries, described where they are used
]
templates_path = ["docs/_templates"]

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_class_signature = "separated"
napoleon_google_docstring = False
napoleon_use_rtype = False

# -- Gallery -----------------------------------------------------------------------------------------------------------
# Paths are relative to docs/, the source folder of Sphinx.
sphinx_gallery_conf = {
    "examples_dirs": "../gallery",
    "gallery_dirs": "auto_gallery",
    "filename_pattern": r"/plot_",
    "within_subsection_order": "FileNameSortKey",
    "image_scrapers": ("stepscope._sphinx.scraper.svg",),
    "reset_modules": ("matplotlib",),
    "remove_config_comments": True,
    "capture_repr": (),  # a script prints what it shows; the value of its last line is not for readers
    "show_memory": False,  # the whole Sphinx process would be measured; scripts tell their own memory
    "show_signature": False,
    "min_reported_time": 0,
    "download_all_examples": False,
    # A notebook has no header that names the wheel, so it begins with what installs it.
    "first_notebook_cell": f'%pip install --quiet "stepscope[examples,tune] @ {SITE}wheels/{WHEEL}"',
    "write_computation_times": False,
    "junit": "../gallery-junit.xml",
    "plot_gallery": False,  # stepscope._sphinx.examples has run them
    "abort_on_example_error": False,
    "nested_sections": True,
}
warnings.filterwarnings("ignore", message="Matplotlib is currently using agg", category=UserWarning)

# -- Pages -------------------------------------------------------------------------------------------------------------
html_math_renderer = "mathml"
html_theme = "pydata_sphinx_theme"
html_title = "Stepscope"
html_baseurl = SITE
html_static_path = ["docs/_static"]
html_css_files = ["stepscope.css"]
html_favicon = "docs/_static/favicon.svg"
html_extra_path = ["_build/wheel"] if (ROOT / "_build" / "wheel").is_dir() else []
html_context = {"versions": VERSIONS}
html_domain_indices = False
html_use_index = False
html_copy_source = False
html_show_sourcelink = False
html_last_updated_fmt = "%Y-%m-%d"
html_sidebars = {"index": [], "404": [], "troubleshooting/*": [], "tools/*": []}
html_theme_options = {
    "logo": {
        "image_light": "_static/logo.svg",
        "image_dark": "_static/logo-dark.svg",
        "alt_text": "Stepscope, home",
        "text": "Stepscope",
    },
    "github_url": "https://github.com/stepscope/stepscope",
    "navbar_align": "left",
    "navbar_persistent": ["search-button"],
    "header_links_before_dropdown": 7,
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "article_footer_items": ["page-links"],
    "footer_start": ["copyright"],
    "footer_center": [],
    "footer_end": ["site-version", "last-updated"],
    "show_prev_next": True,
    "search_as_you_type": True,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "back_to_top_button": False,
}

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_exclude = ".linenos, .gp, .go"
copybutton_copy_empty_lines = False
sitemap_url_scheme = "{link}"
sitemap_excludes = ["404.html", "search.html", "genindex.html"]
ogp_site_url = SITE
ogp_image = f"{SITE}_static/card.png"
ogp_image_alt = "A field of small dots, one of them lit: Stepscope"
ogp_social_cards = {"enable": False}
ogp_description_length = 160
notfound_urls_prefix = os.environ.get("STEPSCOPE_URL_PREFIX", "/stepscope/")
