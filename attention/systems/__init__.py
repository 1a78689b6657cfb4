"""The models of the papers that the host lacks, built from the host's own classes: one file each."""
