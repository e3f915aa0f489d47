package doctor

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"tianguis.example/chassis/disk"
)

// Folder is a check of a folder that a service keeps files in.
type Folder struct {
	Name     string // of the check
	Path     string
	Variable string // that names it
}

// Check looks whether the folder is there and can be written, who else can read it, and how much room there is.
func (f Folder) Check() Check {
	return Check{Name: f.Name, Limit: 5 * time.Second, Look: func(context.Context) []Finding { return f.look() }}
}

func (f Folder) look() []Finding {
	info, err := os.Stat(f.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return []Finding{Warn("start the service, which makes it; or set "+f.Variable+" to where the files are", "there is no folder %s", f.Path)}
	case err != nil:
		return []Finding{Fail("set "+f.Variable+" to a folder that the user of the service may write", "%v", err)}
	case !info.IsDir():
		return []Finding{Fail("set "+f.Variable+" to a folder", "%s is none", f.Path)}
	case !disk.Writable(f.Path):
		return []Finding{Fail("chown or chmod it, so that the user of the service may write", "the folder %s cannot be written", f.Path)}
	}
	all := room(f.Path, f.Path)
	if info.Mode().Perm()&0o005 == 0o005 {
		all = append(all, Warn("chmod 700 "+f.Path, "everybody on this machine can read what is in %s", f.Path))
	}
	if len(all) == 0 {
		all = append(all, Fine("%s can be written", f.Path))
	}
	return all
}

// room looks at what the disk of a folder has left; what is what stands there.
func room(folder, what string) []Finding {
	free, known := disk.Free(folder)
	switch {
	case known && free < noSpace:
		return []Finding{Fail("make room on its disk", "the disk of %s has %d MB left", what, free>>20)}
	case known && free < littleSpace:
		return []Finding{Warn("make room on its disk", "the disk of %s has %d MB left", what, free>>20)}
	}
	return nil
}
