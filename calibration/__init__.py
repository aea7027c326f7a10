"""Calibration of the views."""
