-- SPDX-License-Identifier: ISC
-- The session that pictures.sh photographs. Run by it: ardour7-lua pictures.lua FOLDER
--
-- "Partimento": the generator before a synth, with a drawn temperature. "Take": a MIDI track that recorded it.

local folder = arg[1]
local rate, ui = 48000, ARDOUR.TransportRequestSource.TRS_UI
local midi = ARDOUR.ChanCount (ARDOUR.DataType ("midi"), 1)
local none = PBD.GroupControlDisposition.NoGroup

local function fail (why) error (why, 0) end

local function plugin (session, uri)
	local p = ARDOUR.LuaAPI.new_plugin (session, uri, ARDOUR.PluginType.LV2, "")
	if p:isnil () then fail ("cannot load " .. uri) end -- adding a nil processor crashes Ardour
	return p
end

local function track (session, name)
	return session:new_midi_track (midi, midi, false, ARDOUR.PluginInfo (), nil, nil, 1, name, 0xffffffff,
	                               ARDOUR.TrackMode.Normal, true, false):front ()
end

-- A control by its name: the port's index, and its number among the controls that can be automated.
local function find (proc, name)
	local plug, nth = proc:to_insert ():plugin (0), 0
	for i = 0, plug:parameter_count () - 1 do
		if plug:parameter_is_control (i) and plug:parameter_is_input (i) then
			if plug:parameter_label (i) == name then return i, nth end
			nth = nth + 1
		end
	end
	fail ("no control " .. name)
end

local function control (proc, name)
	local port = find (proc, name)
	local what = Evoral.Parameter (ARDOUR.AutomationType.PluginAutomation, 0, port)
	return proc:to_automatable ():automation_control (what, true)
end

local function draw (proc, name, points)
	local _, nth = find (proc, name)
	local _, list = ARDOUR.LuaAPI.plugin_automation (proc, nth)
	for _, p in ipairs (points) do
		list:add (Temporal.timepos_t (math.floor (p[1] * rate)), p[2], false, true)
	end
	control (proc, name):set_automation_state (ARDOUR.AutoState.Play)
end

AudioEngine:set_backend ("None (Dummy)", "pictures", ""):set_buffer_size (256)
local s = create_session (folder, "t1", rate) or fail ("no session")
local gen = track (s, "Partimento")
local take = track (s, "Take")
gen:set_strict_io (false)
local p = plugin (s, "urn:partimento:generator")
gen:add_processor_by_index (p, 0, nil, true)
gen:add_processor_by_index (plugin (s, "https://community.ardour.org/node/7596"), 1, nil, true)
control (p, "Style"):set_value (3, none) -- ragtime
control (p, "Seed"):set_value (4, none)
draw (p, "Temperature", { { 0, 0.6 }, { 4, 0.7 }, { 9, 1.5 }, { 12, 1.4 }, { 14, 0.8 }, { 18, 0.8 } })

-- Ardour's MIDI track plays its MIDI output beside the synth's sound: wire it into the second track.
gen:output ():midi (0):connect (take:input ():midi (0):name ())
take:rec_enable_control ():set_value (1, none)
s:maybe_enable_record (false)
sleep (0.5)
s:request_roll (ui)
sleep (16.5)
s:request_stop (false, false, ui)
sleep (1)
take:rec_enable_control ():set_value (0, none)
s:disable_record (false, false)
s:request_locate (0, false, ARDOUR.LocateTransportDisposition.MustStop, ui)
sleep (0.5)
if take:playlist ():region_list ():size () == 0 then fail ("nothing was recorded") end
s:save_state ("", false, false, false, false, false)
close_session ()
