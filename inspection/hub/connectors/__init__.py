"""What happened here, told to the systems around: shops, ERP, EPCIS repositories, whoever listens."""
