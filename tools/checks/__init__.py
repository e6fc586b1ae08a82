"""Programs that check what is rendered and what CI runs: kubeconform, kube-score, checkov, actionlint."""
