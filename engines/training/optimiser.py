"""AdamW for networks whose weights are kept in bfloat16: moments and a master copy in float32.

Keeping the weights themselves in half precision saves autocast's copies, which took a third of the time on a CPU; the
master copy keeps small updates from being rounded away (mixed-precision training, arXiv 1710.03740).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


class MasterAdamW:
    """AdamW (arXiv 1711.05101) on float32 copies of parameters of any precision.

    Args:
        parameters: to train; those without a gradient in a step are left alone.
        decay: weight decay of matrices; vectors get none.
        clip: largest norm of the gradient of all together.
        scales: what the learning rate is multiplied with, a number per parameter; 1 for all by default.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        *,
        decay: float = 0.01,
        clip: float = 1.0,
        scales: Sequence[float] | None = None,
    ) -> None:
        import torch

        self.parameters = list(parameters)
        self.masters = [p.detach().float().clone() for p in self.parameters]
        scaled = list(zip(self.masters, scales or [1.0] * len(self.masters), strict=True))
        groups: list[dict[str, Any]] = []
        for scale in sorted(set(scales or [1.0]), reverse=True):
            own = [m for m, s in scaled if s == scale]
            groups.append({"params": [m for m in own if m.ndim >= 2], "weight_decay": decay, "scale": scale})
            groups.append({"params": [m for m in own if m.ndim < 2], "weight_decay": 0.0, "scale": scale})
        self._adam = torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.98), foreach=True)
        self._clip = clip

    def step(self, learning_rate: float) -> float:
        """Applies the gradients and returns their norm before clipping; not finite: nothing is applied."""
        import torch

        for master, parameter in zip(self.masters, self.parameters, strict=True):
            master.grad = None if parameter.grad is None else parameter.grad.float()
            parameter.grad = None
        norm = float(torch.nn.utils.clip_grad_norm_(self.masters, self._clip))
        if not torch.isfinite(torch.tensor(norm)):
            return norm
        for group in self._adam.param_groups:
            group["lr"] = learning_rate * group.get("scale", 1.0)  # older checkpoints have none
        self._adam.step()
        with torch.no_grad():
            for master, parameter in zip(self.masters, self.parameters, strict=True):
                parameter.copy_(master)
        return norm

    def state(self) -> dict[str, Any]:
        """All that a resumed run needs."""
        return {"adam": self._adam.state_dict(), "masters": self.masters}

    def restore(self, state: dict[str, Any]) -> None:
        """Takes over :meth:`state`."""
        import torch

        self._adam.load_state_dict(state["adam"])
        with torch.no_grad():
            for master, parameter, saved in zip(self.masters, self.parameters, state["masters"], strict=True):
                master.copy_(saved)
                parameter.copy_(master)
