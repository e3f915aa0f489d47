package supply

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Component is something that others have written.
type Component struct {
	Name, Version string
	Licences      []string // as SPDX names them (https://spdx.org/licenses); none when a program could not tell
}

// ours begins the names of this project's own modules.
const ours = "tianguis.example/"

// ReadBOM reads the components of a CycloneDX list in JSON, less this project's own modules.
func ReadBOM(text []byte) ([]Component, error) {
	type licence struct {
		License    struct{ ID, Name string }
		Expression string
	}
	var bom struct {
		BOMFormat  string
		Components []struct {
			Name, Version string
			Licenses      []licence
			Evidence      struct{ Licenses []licence }
		}
	}
	if err := json.Unmarshal(text, &bom); err != nil {
		return nil, fmt.Errorf("read a list of components: %w", err)
	}
	if bom.BOMFormat != "CycloneDX" || len(bom.Components) == 0 {
		return nil, fmt.Errorf("the list of components is empty, or none of CycloneDX")
	}
	var all []Component
	for _, c := range bom.Components {
		if strings.HasPrefix(c.Name, ours) {
			continue
		}
		one := Component{Name: c.Name, Version: c.Version}
		for _, l := range append(c.Licenses, c.Evidence.Licenses...) {
			one.Licences = append(one.Licences, l.License.ID+l.License.Name+l.Expression)
		}
		all = append(all, one)
	}
	return all, nil
}

// ReadLock reads the components of a package-lock.json.
func ReadLock(text []byte) ([]Component, error) {
	var lock struct {
		Packages map[string]struct{ Version, License string }
	}
	if err := json.Unmarshal(text, &lock); err != nil {
		return nil, fmt.Errorf("read a package-lock.json: %w", err)
	}
	var all []Component
	for folder, p := range lock.Packages {
		at := strings.LastIndex(folder, "node_modules/")
		if at < 0 {
			continue // the package itself
		}
		one := Component{Name: "npm:" + folder[at+len("node_modules/"):], Version: p.Version}
		if p.License != "" {
			one.Licences = []string{p.License}
		}
		all = append(all, one)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("the package-lock.json holds no package")
	}
	return all, nil
}
