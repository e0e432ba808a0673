"""The rule: which hashtags and which phrases a post uses. Begin with `hashtags`."""
