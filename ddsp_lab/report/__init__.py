"""The listening report: one page, without a network, on which a result is heard, looked at and passed on."""

from ._charts import plain
from ._figures import headline
from ._page import notebook, page, write_report

__all__ = ["headline", "notebook", "page", "plain", "write_report"]
