"""What tells somebody that the journal is unwell: metrics, alarm rules and mail, by services of AWS."""
