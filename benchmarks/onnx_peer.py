"""onnxruntime as a peer in this process, for inference; None where it (with `onnx`, which writes its models) is not installed."""

import importlib
import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.case import Measured, timed

AT_HAND = all(importlib.util.find_spec(name) for name in ("onnx", "onnxruntime"))
# Where ONNX has our gates: LSTM i, o, f, c; GRU z, r, n.
GATES = {"RNN": [0], "LSTM": [0, 3, 1, 2], "GRU": [1, 0, 2]}


def recurrent(kind: str, state: dict[str, np.ndarray], x: np.ndarray, threads: int) -> Callable[[], Measured] | None:
    """Return a side that runs a layer of one direction with our weights on x [T, B, I]; its result is the output."""
    if not AT_HAND:
        return None
    onnx, runtime = (importlib.import_module(name) for name in ("onnx", "onnxruntime"))
    helper, count = onnx.helper, len(GATES[kind])

    def turned(name: str) -> np.ndarray:
        array = state[f"{name}_l0"]
        return np.concatenate([array.reshape(count, -1, *array.shape[1:])[gate] for gate in GATES[kind]])

    weights = {
        "W": turned("weight_ih")[None],
        "R": turned("weight_hh")[None],
        "B": np.concatenate([turned("bias_ih"), turned("bias_hh")])[None],
    }
    hidden = weights["R"].shape[2]
    options: dict[str, Any] = {"linear_before_reset": 1} if kind == "GRU" else {}
    node = helper.make_node(kind, ["X", *weights], ["Y"], hidden_size=hidden, **options)
    real = onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [node],
        kind,
        [helper.make_tensor_value_info("X", real, x.shape)],
        [helper.make_tensor_value_info("Y", real, [x.shape[0], 1, x.shape[1], hidden])],
        [onnx.numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    setting = runtime.SessionOptions()
    setting.intra_op_num_threads = threads
    setting.add_session_config_entry("session.force_spinning_stop", "1")  # or its idle threads disturb the next turn
    session = runtime.InferenceSession(model.SerializeToString(), setting, providers=["CPUExecutionProvider"])

    def run() -> list[np.ndarray]:
        return [session.run(None, {"X": x})[0][:, 0]]

    def side() -> Measured:
        run()
        return timed(run)()

    return side
