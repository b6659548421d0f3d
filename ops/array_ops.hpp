// Every array op. A new one is its own header and source, an include and an entry here.
#pragma once

#include <ops/cross_entropy.hpp>
#include <ops/dot.hpp>
#include <ops/linear.hpp>
#include <ops/linear_recurrence.hpp>
#include <ops/log_softmax.hpp>
#include <ops/log_sum_exp.hpp>
#include <ops/matmul.hpp>
#include <ops/maxout.hpp>
#include <ops/maxout_reduce.hpp>
#include <ops/mean.hpp>
#include <ops/mean_squared_error.hpp>
#include <ops/normal_log_density.hpp>
#include <ops/reduce_max.hpp>
#include <ops/softmax.hpp>
#include <ops/softmax_cross_entropy.hpp>
#include <ops/sum.hpp>

namespace gradus {

using ArrayOps = OpList<Sum, Mean, ReduceMax, LogSumExp, Softmax, LogSoftmax, CrossEntropy, SoftmaxCrossEntropy, Matmul, Linear, Maxout, MaxoutReduce, Dot, MeanSquaredError,
                        NormalLogDensity, LinearRecurrence>;

}  // namespace gradus
