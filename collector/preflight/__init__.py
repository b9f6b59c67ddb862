"""Whether a run on this node can succeed, found out before it begins. One function a check; nothing is measured."""
