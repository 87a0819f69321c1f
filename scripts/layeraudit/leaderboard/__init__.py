"""The study of detectors: poisons and attacks against them, ranks and the page."""
