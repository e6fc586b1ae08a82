"""Linters of what is rendered and of what CI runs: kubeconform, kube-score, checkov, actionlint."""
