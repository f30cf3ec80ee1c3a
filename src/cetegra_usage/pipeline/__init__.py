"""The order of the stages: what is pending, partitions by wave, releases. Flows give it workers and retries."""
