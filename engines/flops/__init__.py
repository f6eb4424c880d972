"""Counts the floating-point operations of ONNX graphs for the shapes with which they really ran."""
