"""Isaac Lab on a CPU, without Isaac Sim and without a download: what it takes, what is recorded, what it means."""
