"""What work costs: prices, use, ledger, forecasts and quotes; pure."""
