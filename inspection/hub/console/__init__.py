"""The console: pages for staff in a browser, rendered here, without a script and without anything from elsewhere."""
