"""From labelled data to a model package: datasets, fitting, calibration, figures."""
