// All ops: the elementwise ones, listed here, and the array ops. A new elementwise op is its own file, an include and an entry here.
#pragma once

#include <ops/abs.hpp>
#include <ops/acos.hpp>
#include <ops/acosh.hpp>
#include <ops/arithmetic.hpp>
#include <ops/array_ops.hpp>
#include <ops/asin.hpp>
#include <ops/asinh.hpp>
#include <ops/atan.hpp>
#include <ops/atan2.hpp>
#include <ops/atanh.hpp>
#include <ops/cbrt.hpp>
#include <ops/celu.hpp>
#include <ops/cos.hpp>
#include <ops/cosh.hpp>
#include <ops/elu.hpp>
#include <ops/erf.hpp>
#include <ops/erfc.hpp>
#include <ops/exp.hpp>
#include <ops/exp2.hpp>
#include <ops/expm1.hpp>
#include <ops/gelu.hpp>
#include <ops/gelu_tanh.hpp>
#include <ops/hardsigmoid.hpp>
#include <ops/hardsigmoid_ab.hpp>
#include <ops/hardswish.hpp>
#include <ops/hardtanh.hpp>
#include <ops/hypot.hpp>
#include <ops/leaky_relu.hpp>
#include <ops/lgamma.hpp>
#include <ops/log.hpp>
#include <ops/log10.hpp>
#include <ops/log1p.hpp>
#include <ops/log2.hpp>
#include <ops/logsigmoid.hpp>
#include <ops/max.hpp>
#include <ops/min.hpp>
#include <ops/mish.hpp>
#include <ops/pow.hpp>
#include <ops/prelu.hpp>
#include <ops/relu.hpp>
#include <ops/selu.hpp>
#include <ops/sigmoid.hpp>
#include <ops/silu.hpp>
#include <ops/sin.hpp>
#include <ops/sinh.hpp>
#include <ops/softplus.hpp>
#include <ops/softsign.hpp>
#include <ops/sqrt.hpp>
#include <ops/tan.hpp>
#include <ops/tanh.hpp>

namespace gradus {

using ElementwiseOps = OpList<
    Sigmoid, Tanh, Relu, LeakyRelu, Prelu, Elu, Celu, Selu, Softplus, LogSigmoid, Gelu, GeluTanh, Silu, Mish, HardSigmoid, HardSigmoidAb, HardSwish, HardTanh, SoftSign,
    Exp, Exp2, Expm1, Log, Log2, Log10, Log1p, Sqrt, Cbrt, Pow, Hypot, Abs, Min, Max,
    Sin, Cos, Tan, Asin, Acos, Atan, Atan2, Sinh, Cosh, Asinh, Acosh, Atanh, Erf, Erfc, Lgamma,
    Add, Sub, Mul, Div, Neg>;

}  // namespace gradus
