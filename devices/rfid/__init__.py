"""UHF RFID readers and what their tags say."""
