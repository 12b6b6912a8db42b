"""Where documents come from: the sample, files, or a data set on the Hub. Each source yields (text, source) pairs."""
