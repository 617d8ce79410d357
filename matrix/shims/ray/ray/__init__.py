"""An empty Ray, for RL-Games 1.5.2 and 1.6.0.

Both import Ray when they are imported and use it only for environments that run in processes of their own, which
are not used here. It replaces the package ``ray``, which would bring a hundred megabytes and three dozen packages.
"""
