"""What crosses a boundary: pydantic models, taxonomies, the region tree, JSON Schemas."""

from data_contracts.analysis import Analysis
from data_contracts.complaint import Answer, Complaint
from data_contracts.example import LabelledExample

__all__ = ["Analysis", "Answer", "Complaint", "LabelledExample"]
