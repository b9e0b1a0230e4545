"""Other people's drawings as sketches: recordings, vector files, stroke files, pictures, scans."""
