package diagnosis

// Variables returns the environment variables that the check function-settings compares, with their parameters.
func Variables() map[string]string { return variables }
