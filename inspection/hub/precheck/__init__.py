"""The customer's photographs before a parcel travels: opened safely, looked at, and answered at once."""
