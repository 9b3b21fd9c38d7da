; SPDX-License-Identifier: GPL-3.0-or-later
;
; The setup of Drawbridge for Windows. Built by
;     makensis -DVERSION=0.1.0 -DPROGRAMS=folder/of/both -DICON=path/to/connected.ico -DOUTPUT=drawbridge-setup.exe drawbridge.nsi
; Switches: /S silent, /D=FOLDER (last, without quotes), /NOSERVICE leaves the service out (tests).
; The driver: a tap-windows*.exe or *.msi beside the setup is run when there is no TAP adapter and the user says yes;
; with /S only if /DRIVER is said as well.
; Exit code: 0 done, 2 nothing or not all of it was done (the reason is on the screen, or in the log with /S).

Target amd64-unicode
!include MUI2.nsh
!include LogicLib.nsh
!include x64.nsh
!include FileFunc.nsh
!include WinVer.nsh

!define KEY "Software\Microsoft\Windows\CurrentVersion\Uninstall\Drawbridge"

Name "Drawbridge"
OutFile "${OUTPUT}"
InstallDir "$PROGRAMFILES64\Drawbridge"
InstallDirRegKey HKLM "Software\Drawbridge" "Folder"
RequestExecutionLevel admin
ManifestDPIAware true
ManifestSupportedOS Win10
SetCompressor /SOLID lzma
VIProductVersion "${VERSION}.0"
VIAddVersionKey ProductName "Drawbridge"
VIAddVersionKey FileDescription "Drawbridge VPN setup"
VIAddVersionKey FileVersion "${VERSION}"
VIAddVersionKey LegalCopyright "GPL-3.0-or-later"

!define MUI_ICON "${ICON}"
!define MUI_UNICON "${ICON}"
!define MUI_FINISHPAGE_RUN
!define MUI_FINISHPAGE_RUN_TEXT "Show Drawbridge beside the clock"
!define MUI_FINISHPAGE_RUN_FUNCTION RunTray
!define MUI_FINISHPAGE_TEXT "Next: open the .ovpn file that your administrator sent you, with a double click."
!insertmacro MUI_PAGE_DIRECTORY
!insertmacro MUI_PAGE_INSTFILES
!insertmacro MUI_PAGE_FINISH
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro MUI_LANGUAGE "English"

Var NoService

; The setup has an administrator's rights, the tray must not: Explorer starts it as the user.
Function RunTray
  Exec '"$WINDIR\explorer.exe" "$INSTDIR\drawbridgew.exe"'
FunctionEnd

Function .onInit
  SetShellVarContext all
  ${IfNot} ${RunningX64}
    MessageBox MB_ICONSTOP "Drawbridge needs Windows of 64 bit." /SD IDOK
    SetErrorLevel 2
    Quit
  ${EndIf}
  ${IfNot} ${AtLeastWin10}
    MessageBox MB_ICONSTOP "Drawbridge needs Windows 10 or newer. Update Windows, then start the setup again." /SD IDOK
    SetErrorLevel 2
    Quit
  ${EndIf}
  SetRegView 64
  ; NSIS looked into the 32 bit view: where the last setup went is taken up here, unless /D says otherwise.
  ${If} $INSTDIR == "$PROGRAMFILES64\Drawbridge"
    ReadRegStr $0 HKLM "Software\Drawbridge" "Folder"
    ${If} $0 != ""
      StrCpy $INSTDIR $0
    ${EndIf}
  ${EndIf}
  ${GetParameters} $0
  ClearErrors
  ${GetOptions} $0 "/NOSERVICE" $1
  StrCpy $NoService 1
  ${If} ${Errors}
    StrCpy $NoService 0
  ${EndIf}
FunctionEnd

Function un.onInit
  SetShellVarContext all
  SetRegView 64
FunctionEnd

; The tray of whoever is logged on and the service let go of the program; both come back after an upgrade.
!macro StopAll
  DetailPrint "Ending what runs of Drawbridge"
  nsExec::ExecToLog '"$SYSDIR\sc.exe" stop Drawbridge'
  Pop $0
  nsExec::ExecToLog '"$SYSDIR\taskkill.exe" /F /IM drawbridgew.exe /IM drawbridge.exe'
  Pop $0
  Sleep 1000
!macroend

; $1 = 1 where there is a TAP adapter: `drawbridge check` names it in its first row.
!macro LookForDriver
  nsExec::ExecToStack '"$INSTDIR\drawbridge.exe" check'
  Pop $0
  Pop $2
  StrCpy $3 $2 4
  StrCpy $1 0
  ${If} $3 == "ok  "
    StrCpy $1 1
  ${EndIf}
!macroend

; $5 = the driver's setup beside ours, if it is wanted: it runs with an administrator's rights, and in a folder of
; downloads anybody may have put it. So the user is asked; without a screen only /DRIVER says yes.
Function FindDriver
  FindFirst $4 $5 "$EXEDIR\tap-windows*.exe"
  FindClose $4
  ${If} $5 == ""
    FindFirst $4 $5 "$EXEDIR\tap-windows*.msi"
    FindClose $4
  ${EndIf}
  ${If} $5 == ""
    Return
  ${EndIf}
  ${GetParameters} $0
  ClearErrors
  ${GetOptions} $0 "/DRIVER" $6
  ${IfNot} ${Errors}
    Return
  ${EndIf}
  MessageBox MB_YESNO|MB_ICONQUESTION "The network driver is missing. Beside this setup lies $5.$\r$\n$\r$\nInstall it? \
    Only if it came to you together with this setup." /SD IDNO IDYES +2
  StrCpy $5 ""
FunctionEnd

Function InstallDriver
  !insertmacro LookForDriver
  ${If} $1 == 1
    DetailPrint "The TAP driver is there"
    Return
  ${EndIf}
  Call FindDriver
  ${If} $5 != ""
    DetailPrint "Installing the TAP driver: $5"
    StrCpy $6 $5 "" -4
    ${If} $6 == ".msi"
      ExecWait '"$SYSDIR\msiexec.exe" /i "$EXEDIR\$5" /qn /norestart' $0
    ${Else}
      ExecWait '"$EXEDIR\$5" /S' $0
    ${EndIf}
  ${EndIf}
  !insertmacro LookForDriver
  ${If} $1 == 0
    DetailPrint "There is no TAP driver yet. It is a part of the OpenVPN setup: openvpn.net/community-downloads"
    MessageBox MB_ICONINFORMATION "Drawbridge is installed, but the network driver is missing.$\r$\n$\r$\nGet the \
      OpenVPN setup from openvpn.net/community-downloads and choose $\"TAP-Windows6$\" among its parts. Nothing else of \
      it is needed." /SD IDOK
  ${EndIf}
FunctionEnd

Section "Drawbridge"
  SetShellVarContext all
  !insertmacro StopAll
  SetOutPath "$INSTDIR"
  ClearErrors
  File "${PROGRAMS}/drawbridge.exe"
  File "${PROGRAMS}/drawbridgew.exe"
  ${If} ${Errors}
    MessageBox MB_ICONSTOP "The program cannot be written into $INSTDIR. Restart the computer, then start the setup \
      again." /SD IDOK
    SetErrorLevel 2
    Abort
  ${EndIf}
  WriteUninstaller "$INSTDIR\uninstall.exe"

  ${If} $NoService == 0
    DetailPrint "Installing the service"
    nsExec::ExecToLog '"$INSTDIR\drawbridge.exe" install --protect'
    Pop $0
    ${If} $0 != 0
      MessageBox MB_ICONSTOP "The Drawbridge service was not installed. The lines above say why; send them to your \
        administrator." /SD IDOK
      SetErrorLevel 2
    ${EndIf}
    Call InstallDriver
  ${EndIf}

  WriteRegStr HKLM "Software\Drawbridge" "Folder" "$INSTDIR"
  CreateShortcut "$SMPROGRAMS\Drawbridge.lnk" "$INSTDIR\drawbridgew.exe" "" "$INSTDIR\drawbridgew.exe" 0 SW_SHOWNORMAL "" \
    "Connect to your office"

  ; A double click on .ovpn imports; where another program has the ending already, "Open with" offers us.
  WriteRegStr HKLM "Software\Classes\Drawbridge.Profile" "" "VPN profile"
  WriteRegStr HKLM "Software\Classes\Drawbridge.Profile\DefaultIcon" "" '"$INSTDIR\drawbridgew.exe",0'
  WriteRegStr HKLM "Software\Classes\Drawbridge.Profile\shell\open" "" "Import into Drawbridge"
  WriteRegStr HKLM "Software\Classes\Drawbridge.Profile\shell\open\command" "" '"$INSTDIR\drawbridgew.exe" "%1"'
  WriteRegStr HKLM "Software\Classes\.ovpn\OpenWithProgids" "Drawbridge.Profile" ""
  ReadRegStr $0 HKLM "Software\Classes\.ovpn" ""
  ${If} $0 == ""
    WriteRegStr HKLM "Software\Classes\.ovpn" "" "Drawbridge.Profile"
  ${EndIf}
  System::Call 'shell32::SHChangeNotify(i 0x8000000, i 0, p 0, p 0)'

  WriteRegStr HKLM "${KEY}" "DisplayName" "Drawbridge"
  WriteRegStr HKLM "${KEY}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKLM "${KEY}" "DisplayIcon" "$INSTDIR\drawbridgew.exe"
  WriteRegStr HKLM "${KEY}" "InstallLocation" "$INSTDIR"
  WriteRegStr HKLM "${KEY}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegStr HKLM "${KEY}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
  WriteRegDWORD HKLM "${KEY}" "NoModify" 1
  WriteRegDWORD HKLM "${KEY}" "NoRepair" 1
  ${GetSize} "$INSTDIR" "/S=0K" $0 $1 $2
  WriteRegDWORD HKLM "${KEY}" "EstimatedSize" $0
SectionEnd

; Asks nothing. Profiles stay, each with its user; /PROFILES deletes those of the administrator and of the user who runs it.
Section "Uninstall"
  nsExec::ExecToLog '"$INSTDIR\drawbridge.exe" uninstall'
  Pop $0
  !insertmacro StopAll
  ${GetParameters} $0
  ClearErrors
  ${GetOptions} $0 "/PROFILES" $1
  ${IfNot} ${Errors}
    RMDir /r "$APPDATA\Drawbridge\profiles"
    SetShellVarContext current
    RMDir /r "$LOCALAPPDATA\Drawbridge"
    SetShellVarContext all
  ${EndIf}
  DeleteRegValue HKCU "Software\Microsoft\Windows\CurrentVersion\Run" "Drawbridge"
  Delete "$SMPROGRAMS\Drawbridge.lnk"
  DeleteRegValue HKLM "Software\Classes\.ovpn\OpenWithProgids" "Drawbridge.Profile"
  ReadRegStr $0 HKLM "Software\Classes\.ovpn" ""
  ${If} $0 == "Drawbridge.Profile"
    DeleteRegValue HKLM "Software\Classes\.ovpn" ""
  ${EndIf}
  DeleteRegKey HKLM "Software\Classes\Drawbridge.Profile"
  DeleteRegKey HKLM "${KEY}"
  DeleteRegKey HKLM "Software\Drawbridge"
  Delete "$INSTDIR\drawbridge.exe"
  Delete "$INSTDIR\drawbridgew.exe"
  Delete "$INSTDIR\uninstall.exe"
  RMDir "$INSTDIR"
SectionEnd
