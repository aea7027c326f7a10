"""What stations report, revision by revision."""
