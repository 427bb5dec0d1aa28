"""Tests of workers/embedding."""
