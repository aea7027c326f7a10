"""What stations may be given to run: model bundles, policies, reference banks; and what decides whether they may."""
