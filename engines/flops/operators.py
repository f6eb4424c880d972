"""Operators that need no formula of their own."""

from __future__ import annotations

from typing import Final

ELEMENTWISE: Final = frozenset(
    """
    Add Sub Mul Div Pow Mod Max Min Sum Mean Abs Neg Sign Reciprocal Sqrt Exp Log Sin Cos Tan Atan Asin Acos Sinh
    Cosh Tanh Sigmoid Erf Relu LeakyRelu PRelu Elu Selu Softplus Softsign HardSigmoid HardSwish Gelu FastGelu
    QuickGelu BiasGelu BiasSplitGelu Mish Swish Clip Ceil Floor Round Softmax LogSoftmax LayerNormalization
    SimplifiedLayerNormalization RMSNormalization SkipLayerNormalization SkipSimplifiedLayerNormalization
    InstanceNormalization BatchNormalization GroupNormalization LpNormalization RotaryEmbedding DequantizeLinear
    QuantizeLinear DynamicQuantizeLinear GatherBlockQuantized RandomNormalLike RandomUniformLike RandomNormal
    RandomUniform HannWindow HammingWindow BlackmanWindow MelWeightMatrix
    """.split()  # noqa: SIM905 - read as a text
)
"""Work that counts as one operation per element of the first output."""

MOVING: Final = frozenset(
    """
    Identity Cast CastLike Reshape Flatten Squeeze Unsqueeze Transpose Concat Split Slice Gather GatherElements
    GatherND Scatter ScatterElements ScatterND Shape Size Constant ConstantOfShape Expand Tile Pad Range Where
    Equal Less LessOrEqual Greater GreaterOrEqual Not And Or Xor IsNaN IsInf NonZero Trilu OneHot EyeLike Dropout
    DepthToSpace SpaceToDepth ReverseSequence Compress Unique BitShift BitwiseAnd BitwiseOr BitwiseNot
    SequenceConstruct SequenceAt ConcatFromSequence SplitToSequence SequenceEmpty SequenceInsert SequenceLength
    Optional
    """.split()  # noqa: SIM905 - read as a text
)
"""Data are moved, compared or selected: no floating-point work."""
