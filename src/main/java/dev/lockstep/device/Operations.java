package dev.lockstep.device;

/**
 * Makes the math operations. Arguments are checked when an operation is made.
 *
 * <p>Shapes: {@code x [batch, in]}, {@code weight [out, in]} as in torch.nn.Linear, {@code bias [out]},
 * {@code y [batch, out]}; a gradient has the shape of what it belongs to. Where nothing else is said, floating point
 * buffers are FLOAT32 (the reference backend takes FLOAT64, too, all of one type) and outputs do not overlap inputs. On a
 * device whose {@link Device#computeType} is BFLOAT16, so are x, y, weight, bias, logits and the gradients of all of
 * these but weightGradient and biasGradient.
 *
 * <p>All of them throw IllegalArgumentException where shapes, types or sizes do not agree.
 */
public interface Operations {
    /** y = activation(x · weightᵀ + bias); {@code bias} may be null; the activation's derivative must follow from y. */
    Operation linearForward(Matrix x, Matrix weight, DeviceBuffer bias, Matrix y, Activation activation);

    /**
     * xGradient = (yGradient · weight) ⊙ activation'(x), where x is itself the output of {@code activation}, whose
     * derivative must follow from x. With IDENTITY, x is not read and may be null.
     *
     * @param biasGradient gets the sums of xGradient's columns, which are the gradient of the bias that was added before
     *                     the activation; null where they are not wanted
     */
    Operation linearBackwardInput(Matrix yGradient, Matrix weight, Matrix xGradient, Activation activation, Matrix x,
            DeviceBuffer biasGradient);

    /**
     * Rows {@code firstRow} to {@code firstRow + rows - 1} of the weight's gradient: weightGradient = yGradientᵀ · x
     * restricted to them, where {@code weightGradient} is {@code [rows, in]}.
     *
     * @param accumulate adds to what {@code weightGradient} holds instead of overwriting it
     */
    Operation linearBackwardWeight(Matrix x, Matrix yGradient, Matrix weightGradient, int firstRow, boolean accumulate);

    /**
     * Rows of a weight's gradient, where it has as many, below which computing them apart from the others costs
     * noticeably more than computing them together.
     */
    int weightGradientRows();

    /** biasGradient[j] = sum over the rows i of yGradient[i, j]; added to what is there if {@code accumulate}. */
    Operation linearBackwardBias(Matrix yGradient, DeviceBuffer biasGradient, boolean accumulate);

    /** y = activation(x), element by element; y may be x. */
    Operation activationForward(Activation activation, DeviceBuffer x, DeviceBuffer y);

    /**
     * xGradient = yGradient ⊙ activation'(x); xGradient may be yGradient. {@code x} is read only where the derivative
     * does not follow from {@code y}, and may be null elsewhere; {@code y} likewise the other way round. With IDENTITY
     * both may be null.
     */
    Operation activationBackward(Activation activation, DeviceBuffer x, DeviceBuffer y, DeviceBuffer yGradient,
            DeviceBuffer xGradient);

    /** As below, without smoothing. */
    default Operation crossEntropy(Matrix logits, DeviceBuffer labels, DeviceBuffer statistics, Matrix logitsGradient,
            double gradientFactor) {
        return crossEntropy(logits, labels, 0, statistics, logitsGradient, gradientFactor);
    }

    /**
     * Softmax cross-entropy, by log-sum-exp with the row maximum taken off. Adds to {@code statistics}
     * (see {@link LossStatistics}) and writes logitsGradient = (softmax − q) · gradientFactor, where the distribution
     * q = (1 − labelSmoothing) · onehot + labelSmoothing / classes is what the softmax is to come to.
     *
     * @param labels         INT32 [batch], each in 0 … classes − 1
     * @param labelSmoothing 0 … 1
     * @param statistics     FLOAT64 [{@link LossStatistics#LENGTH}]
     * @param logitsGradient null where only the loss is wanted
     * @param gradientFactor 1 / batch for the gradient of the mean
     */
    Operation crossEntropy(Matrix logits, DeviceBuffer labels, double labelSmoothing, DeviceBuffer statistics,
            Matrix logitsGradient, double gradientFactor);

    /**
     * Mean squared error: a sample's loss is the mean of (outputs − targets)² over its outputs. Adds to
     * {@code statistics} and writes outputsGradient = 2 / columns · (outputs − targets) · gradientFactor.
     *
     * @param targets         FLOAT32 on every device that computes in that or less, of the shape of {@code outputs}
     * @param statistics      FLOAT64 [{@link LossStatistics#LENGTH}], whose {@link LossStatistics#CORRECT} stays as it is
     * @param outputsGradient null where only the loss is wanted
     * @param gradientFactor  1 / batch for the gradient of the mean
     */
    Operation meanSquaredError(Matrix outputs, Matrix targets, DeviceBuffer statistics, Matrix outputsGradient,
            double gradientFactor);

    /**
     * destination[i, :] = source[indices[i], :] / divisor.
     *
     * @param source      UINT8 or FLOAT32 (where the device computes in it, FLOAT64); [n, columns]
     * @param indices     INT32 [rows of destination], each in 0 … n − 1; not checked
     * @param destination of the device's compute type; FLOAT32 from FLOAT32, too
     */
    Operation gatherRows(Matrix source, DeviceBuffer indices, Matrix destination, float divisor);

    /** destination[i] = source[indices[i]]; all INT32. */
    Operation gatherLabels(DeviceBuffer source, DeviceBuffer indices, DeviceBuffer destination);

    /**
     * One step of stochastic gradient descent over a range, in PyTorch's order of operations:
     * {@code g += wd·p; buf = b·buf + f·g; g = nesterov ? g + μ·buf : buf; p −= lr·g}, with the numbers read from
     * {@code hyperparameters} (FLOAT32 [{@link SgdHyperparameters#LENGTH}]) when it runs. {@code gradient} is left
     * as it is.
     *
     * @param momentumBuffer null for plain SGD, p −= lr·(g + wd·p); with nesterov, never null
     * @param converted      gets the new parameters in the device's {@link Device#computeType}; null where they are
     *                       computed with as they are
     */
    Operation sgd(DeviceBuffer parameter, DeviceBuffer gradient, DeviceBuffer momentumBuffer,
            DeviceBuffer hyperparameters, boolean nesterov, DeviceBuffer converted);

    /**
     * One step of Adam or AdamW over a range, in PyTorch's order of operations: {@code g += wd·p; m += (1 − β1)·(g − m);
     * v = β2·v + (1 − β2)·g²; p = f·p − s·m / (r·√v + eps)}, with the numbers read from {@code hyperparameters} (FLOAT64
     * [{@link AdamHyperparameters#LENGTH}]) when it runs. {@code gradient} is left as it is.
     *
     * @param average       m, torch's exp_avg
     * @param squareAverage v, torch's exp_avg_sq
     * @param converted     as in {@link #sgd}
     */
    Operation adam(DeviceBuffer parameter, DeviceBuffer gradient, DeviceBuffer average, DeviceBuffer squareAverage,
            DeviceBuffer hyperparameters, DeviceBuffer converted);

    /**
     * result[0] = sum of x[i]², in double. The same elements give the same bits on every rank, whatever its threads.
     *
     * @param result FLOAT64 [1]
     */
    Operation sumOfSquares(DeviceBuffer x, DeviceBuffer result);

    /**
     * coefficient[0] = min(1, maximumNorm / (norm + 1e-6)), where the norm is the root of the sum of all {@code sums}:
     * torch.nn.utils.clip_grad_norm_'s. Of a norm that is NaN, NaN.
     *
     * @param sums        FLOAT64, of squares
     * @param coefficient FLOAT64 [1]
     */
    Operation clipCoefficient(DeviceBuffer sums, double maximumNorm, DeviceBuffer coefficient);

    /**
     * gradient[i] *= coefficient[0], then brought to {@code limit} from 0 where it is further away; NaN stays NaN. Where the
     * coefficient is 1 and there is no limit, the gradient is not touched.
     *
     * @param coefficient FLOAT64 [1], read when it runs; null for none
     * @param limit       above 0; infinity for none
     */
    Operation clip(DeviceBuffer gradient, DeviceBuffer coefficient, double limit);

    /** destination[i] = source[i], from FLOAT32 to the device's {@link Device#computeType}. */
    Operation convert(DeviceBuffer source, DeviceBuffer destination);

    /** Sets every byte to zero. */
    Operation clear(DeviceBuffer buffer);

    /** Those of norms, dropout and residual blocks. */
    LayerOperations layers();
}
