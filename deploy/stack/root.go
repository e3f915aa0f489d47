package stack

import (
	"errors"
	"os"
	"path/filepath"
)

// StateFolder is where everything goes that is made at run time. It is not in git.
const StateFolder = ".tianguis"

// Root is the top of the repository: the nearest folder, from the working one upwards, with a go.work.
func Root() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.work")); err == nil {
			return folder, nil
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			return "", errors.New("this is not inside the repository: no folder upwards from here has a go.work")
		}
		folder = parent
	}
}
